import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { listener, problemsOf } from './loading.ts';

const dialAddresses = '"192.0.2.1:8443", "[2001:db8::1]:8443" and "app.internal:8443"';
const durations = 'durations such as "250ms", "5s", "2m", "1h"';

/** On line 3. */
const inUpstream = (keys: string) => `${listener}routes: [{upstream: shop}]\nupstreams: {shop: {${keys}}}\n`;
const inEndpoints = (endpoints: string) => inUpstream(`endpoints: [${endpoints}]`);

const cases: readonly [text: string, ...problems: string[]][] = [
  [
    inUpstream(''),
    'f:3:13: upstreams.shop: has none of "endpoints" and "serverName"; allowed is exactly one of "endpoints" and "serverName"',
  ],
  [
    inUpstream('endpoints: ["a:1"], serverName: {allow: ["*"]}'),
    'f:3:13: upstreams.shop: has "endpoints" and "serverName"; allowed is exactly one of "endpoints" and "serverName"',
  ],
  [
    inUpstream('endpoints: []'),
    'f:3:20: upstreams.shop.endpoints: is an empty list; allowed is a list such as ["192.0.2.1:8443"]',
  ],
  [
    inUpstream('endpoints: "a:1"'),
    'f:3:31: upstreams.shop.endpoints: "a:1" is not allowed here; allowed is a list such as ["192.0.2.1:8443"]',
  ],
  [
    inEndpoints('5'),
    `f:3:32: upstreams.shop.endpoints[0]: 5 is not allowed here; allowed are addresses such as ${dialAddresses}, and mappings with "address", "dns" or "srv"`,
  ],
  [
    inEndpoints('"a"'),
    `f:3:32: upstreams.shop.endpoints[0]: "a" has no port; allowed are addresses such as ${dialAddresses}`,
  ],
  [
    inEndpoints('{address: ":1"}'),
    `f:3:42: upstreams.shop.endpoints[0].address: ":1" has no host; allowed are addresses such as ${dialAddresses}`,
  ],
  [
    inEndpoints('{dns: "1.2.3.4:1"}'),
    'f:3:38: upstreams.shop.endpoints[0].dns: "1.2.3.4:1" is an IP address, which needs no DNS; allowed are a name and a port, such as "app.internal:8443"',
  ],
  [
    inEndpoints('{srv: "a.b"}'),
    'f:3:38: upstreams.shop.endpoints[0].srv: "a.b" is not the name of a service; allowed are service names such as "_https._tcp.app.internal"',
  ],
  [
    inEndpoints('{weight: 3}'),
    'f:3:32: upstreams.shop.endpoints[0]: has none of "address", "dns" and "srv"; allowed is exactly one of "address", "dns" and "srv"',
  ],
  [
    inEndpoints('{address: "a:1", srv: _a._b.c, wieght: 3}'),
    'f:3:32: upstreams.shop.endpoints[0]: has "address" and "srv"; allowed is exactly one of "address", "dns" and "srv"',
    'f:3:63: upstreams.shop.endpoints[0].wieght: is an unknown key; did you mean "weight"? Allowed are "address", "dns", "srv" and "weight"',
  ],
  [
    inEndpoints('{address: "a:1", weight: 65536}'),
    'f:3:57: upstreams.shop.endpoints[0].weight: 65536 is not allowed here; allowed are whole numbers from 0 to 65535',
  ],
  [
    inEndpoints('"a:1", {address: "A:1", weight: 2}'),
    'f:3:39: upstreams.shop.endpoints[1]: is the same endpoint as another; allowed is one with a greater weight (the other is at f:3:32)',
  ],
  [
    inUpstream('serverName: {}'),
    'f:3:20: upstreams.shop.serverName.allow: is missing; allowed is a list such as ["*.example.org"]',
  ],
  [
    inUpstream('serverName: {allow: ["*"], port: 0, allowPrivate: no}'),
    'f:3:53: upstreams.shop.serverName.port: 0 is not allowed here; allowed are whole numbers from 1 to 65535',
    'f:3:70: upstreams.shop.serverName.allowPrivate: "no" is not allowed here; allowed are true and false',
  ],
  [
    inUpstream('endpoints: ["a:1"], balance: roundrobin'),
    'f:3:49: upstreams.shop.balance: "roundrobin" is not allowed here; did you mean "round-robin"? Allowed are "round-robin", "least-connections", "random-two-choices", "source-hash" and "server-name-hash"',
  ],
  [
    inUpstream('endpoints: ["a:1"], connectAttempts: 0'),
    'f:3:57: upstreams.shop.connectAttempts: 0 is not allowed here; allowed are whole numbers from 1 to 100',
  ],
  [
    inUpstream('endpoints: ["a:1"], sendProxyProtocol: {tlvs: [alpn]}'),
    'f:3:40: upstreams.shop.sendProxyProtocol.version: is missing; allowed are 1 and 2',
  ],
  [
    inUpstream('endpoints: ["a:1"], sendProxyProtocol: {version: 1, tlvs: [alpn, sni]}'),
    'f:3:72: upstreams.shop.sendProxyProtocol.tlvs: needs a header that can carry it; allowed with version 2 only',
    'f:3:85: upstreams.shop.sendProxyProtocol.tlvs[1]: "sni" is not allowed here; allowed are "authority", "alpn", "unique-id", "crc32c" and "ja4"',
  ],
  [
    inUpstream('endpoints: ["a:1"], health: {active: {serverName: a.test, interval: 5}}'),
    'f:3:70: upstreams.shop.health.active.serverName: is asked for in a TLS handshake; allowed with "probe: tls" only',
    `f:3:88: upstreams.shop.health.active.interval: 5 is not allowed here; allowed are ${durations}`,
  ],
  [
    inUpstream('endpoints: ["a:1"], health: {active: {probe: tls, serverName: "*.a.test"}}'),
    'f:3:82: upstreams.shop.health.active.serverName: "*.a.test" is not a server name; allowed is a name such as "shop.example.com"',
  ],
  [
    inUpstream('serverName: {allow: ["*"]}, health: {active: {}}'),
    'f:3:57: upstreams.shop.health.active: has no endpoints to probe beside "serverName"; allowed with "endpoints" only',
  ],
  [
    inUpstream('endpoints: ["a:1"], health: {passive: true}'),
    'f:3:58: upstreams.shop.health.passive: true is not allowed here; allowed are a mapping such as {failures: 3, window: 10s}, and false',
  ],
  [
    inUpstream('endpoints: ["a:1"], health: {passive: {maxEjected: 0.5}}'),
    'f:3:71: upstreams.shop.health.passive.maxEjected: 0.5 is not allowed here; allowed are percentages such as "10%", "50%"',
  ],
  [
    `${listener}upstreams: [shop]\n`,
    'f:2:1: upstreams: a list is not allowed here; allowed is a mapping such as {shop: {endpoints: ["192.0.2.1:8443"]}}',
  ],
  [
    `${listener}upstreams: {"": {endpoints: ["a:1"]}}\n`,
    'f:2:13: upstreams[""]: is empty; allowed is text of 1 to 100 characters, none of them a control character',
  ],
];

describe('a problem of an upstream', () => {
  for (const [text, ...problems] of cases) {
    it(`is told in ${text.split('\n')[2] ?? text}`, () => {
      assert.deepEqual(problemsOf(text), problems);
    });
  }
});
