import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { availableCpuCount } from '../../src/config/cpu-count.ts';
import { listener, problemsOf, route, routesOf, snapshotOf } from './loading.ts';

/** With one setting in a section of the upstream, or of the listener. */
const upstreamWith = (setting: string) =>
  `${listener}routes: [{upstream: shop}]\nupstreams: {shop: {endpoints: ["192.0.2.1:8443"], ${setting}}}\n`;
const listenerWith = (setting: string) => `listeners: [{name: edge, address: ":443", ${setting}}]\n${route}`;

describe('a configuration with a listener, a route and an upstream', () => {
  it('has the documented defaults', () => {
    const { hash, ...snapshot } = snapshotOf(listener + route);
    assert.match(hash, /^[0-9a-f]{64}$/);
    assert.deepEqual(
      { ...snapshot, routes: routesOf(snapshot) },
      {
        workers: availableCpuCount(),
        dataPlane: 'auto',
        listeners: [
          {
            name: 'edge',
            host: undefined,
            port: 443,
            acceptProxyFrom: undefined,
            helloTimeoutMs: 5000,
            maxHelloBytes: 65_536,
          },
        ],
        routes: [{ name: 'default', wildcard: 'any-depth', action: { kind: 'forward', upstream: 'shop' } }],
        upstreams: [
          {
            name: 'shop',
            endpoints: [{ kind: 'address', host: '192.0.2.1', port: 8443, weight: 1 }],
            serverName: undefined,
            balance: 'round-robin',
            connectTimeoutMs: 3000,
            connectAttempts: 3,
            sendProxyProtocol: undefined,
            maxConnections: undefined,
            activeHealth: undefined,
            passiveHealth: { failures: 3, windowMs: 10_000, ejectForMs: 30_000, maxEjectedShare: 0.5 },
            slowStartMs: undefined,
          },
        ],
        limits: {
          maxConnections: undefined,
          maxConnectionsPerSource: undefined,
          newConnectionsPerSource: undefined,
        },
        timeouts: { idleMs: 3_600_000, halfClosedMs: 300_000, drainMs: 30_000 },
        admin: { address: { host: '127.0.0.1', port: 9901 }, token: undefined },
        log: { level: 'info', access: 'stdout' },
        user: undefined,
        watch: false,
      },
    );
  });

  it('has defaults within sections that are there', () => {
    const [upstream] = snapshotOf(
      upstreamWith('sendProxyProtocol: {version: 1}, health: {active: {}, passive: {failures: 5}}'),
    ).upstreams;
    assert.deepEqual(upstream?.sendProxyProtocol, { version: 1, tlvs: [] });
    assert.deepEqual(upstream?.activeHealth, {
      probe: 'tcp',
      intervalMs: 5000,
      timeoutMs: 2000,
      healthyAfter: 2,
      unhealthyAfter: 3,
      serverName: undefined,
    });
    assert.deepEqual(upstream?.passiveHealth, {
      failures: 5,
      windowMs: 10_000,
      ejectForMs: 30_000,
      maxEjectedShare: 0.5,
    });
    const [anywhere] = snapshotOf(
      `${listener}routes: [{upstream: any}]\nupstreams: {any: {serverName: {allow: ["*"]}}}`,
    ).upstreams;
    assert.deepEqual(anywhere?.serverName, { port: 443, allow: ['*'], allowPrivate: false });
  });

  it('turns off what can be turned off', () => {
    assert.equal(snapshotOf(`${listener}${route}admin: {address: false}`).admin, undefined);
    assert.equal(snapshotOf(`${listener}${route}admin: false`).admin, undefined);
    assert.equal(snapshotOf(upstreamWith('health: {passive: false}')).upstreams[0]?.passiveHealth, undefined);
    assert.equal(snapshotOf(`${listener}${route}log: {access: off}`).log.access, 'off');
  });

  it('takes what is set', () => {
    const set = `
workers: 3
dataPlane: portable
admin: {address: "unix:/run/sluice.sock", token: secret}
log: {level: trace, access: /var/log/access.log}
user: proxy
watch: true
limits: {maxConnections: 1, maxConnectionsPerSource: 2, newConnectionsPerSource: 3/m}
timeouts: {idle: 1s, halfClosed: 2s, drain: 0s}
`;
    const snapshot = snapshotOf(listener + route + set);
    assert.equal(snapshot.workers, 3);
    assert.equal(snapshot.dataPlane, 'portable');
    assert.deepEqual(snapshot.admin, { address: { socketPath: '/run/sluice.sock' }, token: 'secret' });
    assert.deepEqual(snapshot.log, { level: 'trace', access: '/var/log/access.log' });
    assert.equal(snapshot.user, 'proxy');
    assert.equal(snapshot.watch, true);
    assert.deepEqual(snapshot.limits, {
      maxConnections: 1,
      maxConnectionsPerSource: 2,
      newConnectionsPerSource: { count: 3, perMs: 60_000 },
    });
    assert.deepEqual(snapshot.timeouts, { idleMs: 1000, halfClosedMs: 2000, drainMs: 0 });
    assert.equal(snapshotOf(upstreamWith('slowStart: 30s')).upstreams[0]?.slowStartMs, 30_000);
  });
});

describe('bounds', () => {
  const top = (setting: string) => `${listener}${route}${setting}\n`;
  const bounds: readonly [
    put: (setting: string) => string,
    key: string,
    allowed: string[],
    refused: string[],
  ][] = [
    [top, 'workers', ['auto', '1', '1024'], ['0', '1025', '1.5', '-1', '"2"', 'many']],
    [top, 'dataPlane', ['auto', 'native', 'portable'], ['Native', 'fast', 'true']],
    [top, 'watch', ['true', 'false'], ['yes', '1', '"true"']],
    [top, 'user', ['nobody', '"1000"'], ['""', '1000', '"a\\nb"']],
    [listenerWith, 'address', [], ['":443"']],
    [listenerWith, 'helloTimeout', ['1ms', '596h'], ['0s', '597h', '5']],
    [listenerWith, 'maxHelloBytes', ['512B', '1MiB', '1024KiB'], ['511B', '2MiB', '65536', '0B']],
    [
      listenerWith,
      'acceptProxyProtocol',
      ['{from: [10.0.0.1]}'],
      ['{}', 'true', '{from: []}', '{from: [all]}'],
    ],
    [
      upstreamWith,
      'balance',
      ['least-connections', 'random-two-choices', 'source-hash', 'server-name-hash'],
      ['random'],
    ],
    [upstreamWith, 'connectTimeout', ['1ms', '596h'], ['0ms', '3']],
    [upstreamWith, 'connectAttempts', ['1', '100'], ['0', '101', '1.5']],
    [upstreamWith, 'maxConnections', ['1', '2147483647'], ['0', '2147483648', '"1"']],
    [upstreamWith, 'slowStart', ['1ms'], ['0s', 'false']],
    [
      upstreamWith,
      'sendProxyProtocol',
      ['{version: 1}', '{version: 2, tlvs: [ja4]}'],
      ['{}', '{version: 3}', '{version: "2"}', '{version: 2, tlvs: []}', 'true'],
    ],
    [
      upstreamWith,
      'health',
      ['{passive: {maxEjected: 0%}}', '{passive: {maxEjected: 100%}}', '{active: {healthyAfter: 1}}'],
      [
        '{passive: {maxEjected: 101%}}',
        '{passive: {failures: 0}}',
        '{active: {healthyAfter: 0}}',
        '{active: {unhealthyAfter: 1001}}',
        '{active: {interval: 0s}}',
        '{active: {probe: http}}',
      ],
    ],
    [
      top,
      'limits',
      ['{maxConnections: 1}', '{newConnectionsPerSource: 1/s}'],
      [
        '{maxConnections: 0}',
        '{maxConnectionsPerSource: 0}',
        '{newConnectionsPerSource: 0/s}',
        '{newConnectionsPerSource: 1000001/s}',
      ],
    ],
    [top, 'timeouts', ['{drain: 0s}', '{idle: 1ms}'], ['{idle: 0s}', '{halfClosed: 0s}', '{drain: 597h}']],
    [
      top,
      'admin',
      ['{address: "127.0.0.1:0"}', '{address: ":9901"}', '{token: x}'],
      ['{address: true}', '{address: 9901}', '{token: ""}', '{token: "a b"}', '{token: 5}', 'true'],
    ],
    [
      top,
      'log',
      ['{level: debug}', '{level: warn}', '{level: error}', '{access: a.log}'],
      ['{level: INFO}', '{level: fatal}', '{access: ""}', '{access: false}'],
    ],
  ];

  for (const [put, key, allowed, refused] of bounds) {
    it(`of ${key} are kept`, () => {
      for (const value of allowed) assert.deepEqual(problemsOf(put(`${key}: ${value}`)), [], value);
      for (const value of refused) assert.equal(problemsOf(put(`${key}: ${value}`)).length, 1, value);
    });
  }

  it('of endpoints are kept', () => {
    const withEndpoint = (endpoint: string) =>
      problemsOf(`${listener}routes: [{upstream: shop}]\nupstreams: {shop: {endpoints: [${endpoint}]}}`);
    for (const endpoint of [
      '{address: "a:1", weight: 0}',
      '{dns: "a:65535", weight: 65535}',
      '{srv: _a._b.c}',
    ]) {
      assert.deepEqual(withEndpoint(endpoint), [], endpoint);
    }
    for (const endpoint of [
      '{address: "a:1", weight: -1}',
      '{address: "a:1", weight: 65536}',
      '"a:0"',
      '{}',
      '{weight: 1}',
      '5',
      '[]',
      '{address: "a:1", dns: "a:1"}',
    ]) {
      assert.equal(withEndpoint(endpoint).length, 1, endpoint);
    }
  });
});
