import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { listener, problemsOf, route } from './loading.ts';

const top =
  '"workers", "dataPlane", "listeners", "routes", "upstreams", "limits", "timeouts", "admin", "log", "user" and "watch"';
const routeKeys =
  '"name", "serverNames", "wildcard", "alpn", "sources", "listeners", "upstream" and "reject"';
const durations = 'durations such as "250ms", "5s", "2m", "1h"';

/** On line 1 a listener, on line 2 a route, on line 3 an upstream. */
const inRoute = (keys: string) =>
  `${listener}routes: [{${keys}}]\nupstreams: {shop: {endpoints: ["192.0.2.1:8443"]}}\n`;
const below = (keys: string) => `${listener}${route}${keys}\n`;

const cases: readonly [text: string, ...problems: string[]][] = [
  // Whatever it is.
  ['5', `f:1:1: 5 is not allowed here; allowed is a mapping with keys of ${top}`],
  ['[]', `f:1:1: a list is not allowed here; allowed is a mapping with keys of ${top}`],
  ['{}', 'f:1:1: listeners: is missing; allowed is a list such as [{name: edge, address: ":443"}]'],
  [
    'listeners: []',
    'f:1:1: listeners: is an empty list; allowed is a list such as [{name: edge, address: ":443"}]',
  ],
  ['listeners:', 'f:1:1: listeners: has no value; allowed is a list such as [{name: edge, address: ":443"}]'],
  [
    'listeners: edge',
    'f:1:12: listeners: "edge" is not allowed here; allowed is a list such as [{name: edge, address: ":443"}]',
  ],

  // Unknown keys, with the nearest.
  [below('worker: 2'), `f:4:1: worker: is an unknown key; did you mean "workers"? Allowed are ${top}`],
  [below('colour: red'), `f:4:1: colour: is an unknown key; allowed are ${top}`],
  [
    inRoute('serverName: a.test, upstream: shop'),
    `f:2:11: routes[0].serverName: is an unknown key; did you mean "serverNames"? Allowed are ${routeKeys}`,
  ],
  [
    inRoute('SERVERNAMES: [a.test], upsteram: shop, reject: close'),
    `f:2:11: routes[0].SERVERNAMES: is an unknown key; did you mean "serverNames"? Allowed are ${routeKeys}`,
    `f:2:34: routes[0].upsteram: is an unknown key; did you mean "upstream"? Allowed are ${routeKeys}`,
  ],
  [
    below('timeouts: {"<<": 1, a.b: 2}'),
    'f:4:12: timeouts["<<"]: is a merge key, which YAML 1.2 does not have; allowed are "idle", "halfClosed" and "drain"',
    'f:4:21: timeouts["a.b"]: is an unknown key; allowed are "idle", "halfClosed" and "drain"',
  ],

  // Listeners.
  [
    `listeners: [{}]\n${route}`,
    'f:1:13: listeners[0].name: is missing; allowed is a name such as "edge"',
    'f:1:13: listeners[0].address: is missing; allowed are addresses such as ":443", "192.0.2.1:443" and "[2001:db8::1]:443"',
  ],
  [
    `listeners: [{name: 5, address: 443}]\n${route}`,
    'f:1:20: listeners[0].name: 5 is not allowed here; allowed is a name such as "edge"',
    'f:1:32: listeners[0].address: 443 is not allowed here; allowed are addresses such as ":443", "192.0.2.1:443" and "[2001:db8::1]:443"',
  ],
  [
    `listeners: [{name: "", address: ":65536"}]\n${route}`,
    'f:1:20: listeners[0].name: is empty; allowed is text of 1 to 100 characters, none of them a control character',
    'f:1:33: listeners[0].address: ":65536" has a port that is not a number from 0 to 65535; allowed are addresses such as ":443", "192.0.2.1:443" and "[2001:db8::1]:443"',
  ],
  [
    `listeners: [{name: e, address: ":1", helloTimeout: 5, maxHelloBytes: 100B}]\n${route}`,
    `f:1:52: listeners[0].helloTimeout: 5 is not allowed here; allowed are ${durations}`,
    'f:1:70: listeners[0].maxHelloBytes: "100B" is out of range; allowed are sizes from 512B to 1MiB',
  ],
  [
    `listeners: [{name: e, address: ":1", acceptProxyProtocol: {from: [nowhere]}}]\n${route}`,
    'f:1:67: listeners[0].acceptProxyProtocol.from[0]: "nowhere" is not an IP address or prefix; allowed are an address or a prefix, such as "192.0.2.0/24" or "2001:db8::/32"',
  ],
  [
    `listeners: [{name: e, address: ":1", acceptProxyProtocol: true}]\n${route}`,
    'f:1:59: listeners[0].acceptProxyProtocol: true is not allowed here; allowed is a mapping with keys of "from"',
  ],

  // Routes.
  [
    inRoute(''),
    'f:2:10: routes[0]: has none of "upstream" and "reject"; allowed is exactly one of "upstream" and "reject"',
  ],
  [
    inRoute('name: 5'),
    'f:2:10: routes[0]: has none of "upstream" and "reject"; allowed is exactly one of "upstream" and "reject"',
    'f:2:17: routes[0].name: 5 is not allowed here; allowed is a name such as "shop"',
  ],
  [
    inRoute('upstream: shop, reject: reset'),
    'f:2:10: routes[0]: has "upstream" and "reject"; allowed is exactly one of "upstream" and "reject"',
  ],
  [
    inRoute('reject: unknown_name'),
    'f:2:19: routes[0].reject: "unknown_name" is not the name of a TLS alert; did you mean "unknown_ca"? Allowed are the names of TLS alerts, "reset" and "close"',
  ],
  [
    inRoute('reject: drop'),
    'f:2:19: routes[0].reject: "drop" is not the name of a TLS alert; allowed are the names of TLS alerts, "reset" and "close"',
  ],
  [
    inRoute('reject: 112'),
    'f:2:19: routes[0].reject: 112 is not allowed here; allowed are the names of TLS alerts, "reset" and "close", such as "unrecognized_name", "access_denied", "handshake_failure", "no_application_protocol", "internal_error", "reset" and "close"',
  ],
  [
    inRoute('serverNames: a.test, upstream: shop'),
    'f:2:24: routes[0].serverNames: "a.test" is not allowed here; allowed is a list such as ["shop.example.com", "*.shop.example.com"]',
  ],
  [
    inRoute('serverNames: [], upstream: shop'),
    'f:2:11: routes[0].serverNames: is an empty list; allowed is a list such as ["shop.example.com", "*.shop.example.com"]',
  ],
  [
    inRoute('serverNames: ["a.*.test", 5], upstream: shop'),
    'f:2:25: routes[0].serverNames[0]: "a.*.test" has "*" where it cannot stand: it is either the whole pattern or the whole first label of a name; allowed are an exact name, "*.example.com" and "*"',
    'f:2:37: routes[0].serverNames[1]: 5 is not allowed here; allowed are an exact name, "*.example.com" and "*"',
  ],
  [
    inRoute('wildcard: one, upstream: shop'),
    'f:2:21: routes[0].wildcard: "one" is not allowed here; allowed are "any-depth" and "one-label"',
  ],
  [
    inRoute('wildcard: one_label, upstream: shop'),
    'f:2:21: routes[0].wildcard: "one_label" is not allowed here; did you mean "one-label"? Allowed are "any-depth" and "one-label"',
  ],
  [
    inRoute('alpn: [""], upstream: shop'),
    'f:2:18: routes[0].alpn[0]: "" has 0 bytes; allowed are protocols of 1 to 255 bytes',
  ],
  [
    inRoute('alpn: h2, upstream: shop'),
    'f:2:17: routes[0].alpn: "h2" is not allowed here; allowed is a list such as ["h2", "http/1.1"]',
  ],
  [
    inRoute('sources: [localhost], upstream: shop'),
    'f:2:21: routes[0].sources[0]: "localhost" is not an IP address or prefix; allowed are an address or a prefix, such as "192.0.2.0/24" or "2001:db8::/32"',
  ],
  [
    `${listener}routes: {a: b}\n`,
    'f:2:1: routes: a mapping is not allowed here; allowed is a list such as [{serverNames: [shop.example.com], upstream: shop}]',
  ],
  [
    `${listener}routes: [shop]\n`,
    `f:2:10: routes[0]: "shop" is not allowed here; allowed is a mapping with keys of ${routeKeys}`,
  ],

  // The rest.
  [below('workers: 0'), 'f:4:10: workers: 0 is not allowed here; allowed are whole numbers from 1 to 1024'],
  [
    below('workers: 0\nworkers: 5'),
    'f:4:10: workers: 0 is not allowed here; allowed are whole numbers from 1 to 1024',
    'f:5:1: workers: is given twice; allowed is once (the other is at f:4:1)',
  ],
  [
    below('workers: all'),
    'f:4:10: workers: "all" is not allowed here; allowed are "auto" and whole numbers from 1 to 1024',
  ],
  [
    below('dataPlane: nativ'),
    'f:4:12: dataPlane: "nativ" is not allowed here; did you mean "native"? Allowed are "auto", "native" and "portable"',
  ],
  [
    below('limits: {maxConnections: 1.5}'),
    'f:4:26: limits.maxConnections: 1.5 is not allowed here; allowed are whole numbers from 1 to 2147483647',
  ],
  [
    below('limits: {newConnectionsPerSource: 100}'),
    'f:4:35: limits.newConnectionsPerSource: 100 is not allowed here; allowed are rates such as "100/s", "600/m"',
  ],
  [
    below('timeouts: {idle: 1d}'),
    `f:4:18: timeouts.idle: "1d" is not a number and a unit; allowed are ${durations}`,
  ],
  [
    below('admin: true'),
    'f:4:8: admin: true is not allowed here; allowed are a mapping with keys of "address" and "token", and false for no admin server',
  ],
  [
    below('admin: {address: true}'),
    'f:4:18: admin.address: true is not allowed here; allowed are addresses such as "127.0.0.1:9901", "unix:/run/sluice.sock", and false',
  ],
  [
    below('admin: {address: "9901"}'),
    'f:4:18: admin.address: "9901" has no port; allowed are addresses such as "127.0.0.1:9901", "unix:/run/sluice.sock", and false',
  ],
  [
    below('log: {level: verbose}'),
    'f:4:14: log.level: "verbose" is not allowed here; allowed are "trace", "debug", "info", "warn" and "error"',
  ],
  [
    below('log: {access: ""}'),
    'f:4:15: log.access: is empty; allowed are "stdout", "off" and the path of a file',
  ],
  [below('user: 1000'), 'f:4:7: user: 1000 is not allowed here; allowed is a name such as "nobody"'],
  [below('watch: on'), 'f:4:8: watch: "on" is not allowed here; allowed are true and false'],
  [
    below('user:\nlog:'),
    'f:4:1: user: has no value; allowed is a name such as "nobody"',
    'f:5:1: log: has no value; allowed is a mapping with keys of "level" and "access"',
  ],
];

describe('a problem', () => {
  for (const [text, ...problems] of cases) {
    it(`is told in ${JSON.stringify(text.replace(listener, '').replace(route, ''))}`, () => {
      assert.deepEqual(problemsOf(text), problems);
    });
  }

  it('never shows the admin token', () => {
    for (const token of ['"s3cret s3cret"', '[s3cret]', '""', '77345']) {
      const problems = problemsOf(below(`admin: {token: ${token}}`));
      assert.equal(problems.length, 1);
      assert.doesNotMatch(problems.join(), /s3cret|77345/);
    }
  });

  it('is one line, whatever it quotes', () => {
    const problems = problemsOf(below('user: "a\\nb\\u2028"\n"x\\ny": 1'));
    assert.equal(problems.length, 2);
    for (const problem of problems) assert.doesNotMatch(problem, /\n/);
  });
});

describe('problems', () => {
  it('are told all at once, of every kind, in the order of the text', () => {
    const text = `listeners:
  - name: edge
    address: ":443"
    helloTimeout: 5
  - name: edge
    address: "0.0.0.0:443"
routes:
  - serverNames: [a.test]
    upstream: shpo
    listeners: [egde]
    sources: [nowhere]
  - serverNames: [b.test]
    upstream: shop
  - serverNames: [b.test]
    reject: close
upstreams:
  shop:
    endpoints: ["a:1"]
    endpoints: ["a:2"]
watch: on
`;
    assert.deepEqual(
      problemsOf(text).map((problem) => problem.split('; ')[0]),
      [
        'f:4:19: listeners[0].helloTimeout: 5 is not allowed here',
        'f:5:11: listeners[1].name: "edge" is the name of another of the listeners',
        'f:9:15: routes[0].upstream: there is no upstream "shpo"',
        'f:10:17: routes[0].listeners[0]: there is no listener "egde"',
        'f:11:15: routes[0].sources[0]: "nowhere" is not an IP address or prefix',
        'f:14:5: routes[2]: no connection could tell "b.test#2" from "b.test": both match b.test, and neither is more specific (the other is at f:12:5)',
        'f:19:5: upstreams.shop.endpoints: is given twice',
        'f:20:8: watch: "on" is not allowed here',
      ],
    );
  });

  it('come quickly, however many there are', { timeout: 20_000 }, () => {
    let text = `${listener}upstreams:\n`;
    for (let i = 0; i < 5000; i++) text += `  u${i}: {endpoints: [u${i}], balanse: x}\n`;
    text += 'routes:\n';
    for (let i = 0; i < 5000; i++) text += `  - {serverNames: [n${i}.test], upstream: v${i}}\n`;
    assert.equal(problemsOf(text).length, 15_000);
  });
});
