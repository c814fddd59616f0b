import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import { parse, stringify } from 'yaml';

import { availableCpuCount } from '../../src/config/cpu-count.ts';
import type { Snapshot } from '../../src/config/snapshot.ts';
import { routesOf, snapshotOf, warningsOf } from './loading.ts';

const text = readFileSync(new URL('fixtures/full.yaml', import.meta.url), 'utf8');

const passiveHealth = { failures: 3, windowMs: 10_000, ejectForMs: 30_000, maxEjectedShare: 0.5 };

const expected = {
  workers: availableCpuCount(),
  dataPlane: 'auto',
  listeners: [
    {
      name: 'edge',
      host: undefined,
      port: 443,
      acceptProxyFrom: ['10.0.0.0/8'],
      helloTimeoutMs: 5000,
      maxHelloBytes: 65_536,
    },
  ],
  routes: [
    {
      name: 'shop',
      serverNames: ['shop.example.com', '*.shop.example.com'],
      wildcard: 'any-depth',
      alpn: ['h2'],
      sources: ['203.0.113.0/24'],
      listeners: ['edge'],
      action: { kind: 'forward', upstream: 'shop' },
    },
    {
      name: 'old.example.com',
      serverNames: ['old.example.com'],
      wildcard: 'any-depth',
      action: { kind: 'reject', how: { alert: 112 } },
    },
  ],
  upstreams: [
    {
      name: 'shop',
      endpoints: [
        { kind: 'address', host: '10.0.0.11', port: 8443, weight: 1 },
        { kind: 'address', host: '10.0.0.12', port: 8443, weight: 3 },
        { kind: 'dns', name: 'shop.internal', port: 8443, weight: 1 },
        { kind: 'srv', name: '_https._tcp.shop.internal', weight: 1 },
      ],
      serverName: undefined,
      balance: 'round-robin',
      connectTimeoutMs: 3000,
      connectAttempts: 3,
      sendProxyProtocol: { version: 2, tlvs: ['authority', 'alpn', 'unique-id', 'crc32c', 'ja4'] },
      maxConnections: 1000,
      activeHealth: {
        probe: 'tls',
        intervalMs: 5000,
        timeoutMs: 2000,
        healthyAfter: 2,
        unhealthyAfter: 3,
        serverName: 'shop.example.com',
      },
      passiveHealth,
      slowStartMs: undefined,
    },
    {
      name: 'anywhere',
      endpoints: [],
      serverName: { port: 443, allow: ['*.example.org'], allowPrivate: false },
      balance: 'round-robin',
      connectTimeoutMs: 3000,
      connectAttempts: 3,
      sendProxyProtocol: undefined,
      maxConnections: undefined,
      activeHealth: undefined,
      passiveHealth,
      slowStartMs: undefined,
    },
  ],
  limits: {
    maxConnections: 100_000,
    maxConnectionsPerSource: 1000,
    newConnectionsPerSource: { count: 100, perMs: 1000 },
  },
  timeouts: { idleMs: 3_600_000, halfClosedMs: 300_000, drainMs: 30_000 },
  admin: { address: { host: '127.0.0.1', port: 9901 }, token: undefined },
  log: { level: 'info', access: 'stdout' },
  user: 'nobody',
  watch: false,
};

function withoutHash({ hash, ...rest }: Snapshot) {
  assert.match(hash, /^[0-9a-f]{64}$/);
  return rest;
}

describe('the complete example', () => {
  it('compiles to the expected snapshot', () => {
    const snapshot = withoutHash(snapshotOf(text));
    assert.deepEqual({ ...snapshot, routes: routesOf(snapshot) }, expected);
  });

  it('is the same however it is written', () => {
    const value: unknown = parse(text);
    const writings = [
      JSON.stringify(value),
      JSON.stringify(value, undefined, '\t'),
      stringify(value),
      stringify(value, { collectionStyle: 'flow' }),
      stringify(value, { defaultStringType: 'BLOCK_LITERAL' }),
      `%YAML 1.2\n---\n${text}\n...\n`,
      `\n# comment\n---\n${text}`,
      text.replaceAll('\n', '\r\n'),
    ];
    for (const writing of writings) assert.deepEqual(snapshotOf(writing), snapshotOf(text), writing);
  });

  it('warns of the upstream that no route uses', () => {
    assert.deepEqual(warningsOf(text), ['f:42:3: upstreams.anywhere: no route uses this upstream']);
  });
});
