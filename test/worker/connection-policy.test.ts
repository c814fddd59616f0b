import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { checkConfig } from '../../src/config/load.ts';
import type { Connection, Decision, Ending } from '../../src/data-plane/data-plane.ts';
import { ClientHello } from '../../src/tls/client-hello.ts';
import { HelloScanner } from '../../src/tls/hello-scanner.ts';
import { ConnectionPolicy } from '../../src/worker/connection-policy.ts';
import { buildHello } from '../tls/hello-builder.ts';

const internalError = { alert: 80 };

/** A policy over one upstream with these settings. */
function policyFor(upstream: Record<string, unknown>): ConnectionPolicy {
  const checked = checkConfig({
    listeners: [{ name: 'edge', address: '127.0.0.1:0' }],
    routes: [{ upstream: 'shop' }],
    upstreams: { shop: { endpoints: ['127.0.0.1:1', '127.0.0.2:1'], ...upstream } },
    log: { access: 'off' },
  });
  assert.ok(checked.ok);
  return new ConnectionPolicy(checked.snapshot, { worker: { index: 0, count: 1 } });
}

function newConnection(): Connection {
  const client = { address: '192.0.2.1', port: 50_000, family: 4 } as const;
  const listener = { name: 'edge', helloTimeoutMs: 1000, maxHelloBytes: 65_536, asksOnAccept: false };
  return { listener, client, destination: client, bytesUp: 0, bytesDown: 0, ageMs: 0, record: undefined };
}

function tlsHello(): ClientHello {
  const scanner = new HelloScanner(65_536);
  scanner.scan(buildHello({ serverName: 'shop.example.com' }));
  return new ClientHello(scanner.message, scanner.facts);
}

/** The two endpoints' states after `count` connections that ended so, all to the first. */
function statesAfter(count: number, ending: Partial<Ending>): string[] {
  const policy = policyFor({
    endpoints: [{ address: '127.0.0.1:1' }, { address: '127.0.0.2:1', weight: 0 }],
    health: { passive: { failures: 3, window: '1m', maxEjected: '100%' } },
  });
  for (let connections = 0; connections < count; connections++) {
    policy.ended(dialledConnection(policy), { ...plainEnding, ...ending });
  }
  const [entry] = policy.upstreams;
  assert.ok(entry);
  return Array.from(entry.upstream.endpoints(performance.now()), ({ state }) => state);
}

const plainEnding: Ending = {
  outcome: 'ok',
  bytesUp: 517,
  bytesDown: 0,
  helloMs: 1,
  connectMs: 1,
  durationMs: 3,
  attempts: 1,
  endedFirst: undefined,
};

/** A connection that was dialled for once. */
function dialledConnection(policy: ConnectionPolicy): Connection {
  const connection = newConnection();
  assert.equal(policy.hello(connection, tlsHello()).kind, 'dial');
  return connection;
}

function howRejected(decision: Decision): unknown {
  assert.equal(decision.kind, 'reject');
  return decision.kind === 'reject' ? [decision.how, decision.outcome] : undefined;
}

describe('the policy, told that an endpoint was reset before its first byte', () => {
  test('dials another endpoint', () => {
    const policy = policyFor({ connectAttempts: 2 });
    const connection = dialledConnection(policy);
    assert.equal(policy.dialFailed(connection, { code: 'ECONNRESET', afterMs: 1 }).kind, 'dial');
  });

  test('resets the client when there is no other', () => {
    const policy = policyFor({ connectAttempts: 3, endpoints: [{ address: '127.0.0.1:1' }] });
    const connection = dialledConnection(policy);
    const answer = policy.dialFailed(connection, { code: 'ECONNRESET', afterMs: 1 });
    assert.deepEqual(howRejected(answer), ['reset', 'upstream_reset']);
  });

  test('resets the client when no attempt is left', () => {
    const policy = policyFor({ connectAttempts: 2 });
    const connection = dialledConnection(policy);
    policy.dialFailed(connection, { code: 'ECONNREFUSED', afterMs: 1 });
    const last = policy.dialFailed(connection, { code: 'ECONNRESET', afterMs: 1 });
    assert.deepEqual(howRejected(last), ['reset', 'upstream_reset']);
  });

  test('alerts the client when the last attempt reached nobody', () => {
    const policy = policyFor({ connectAttempts: 2 });
    const connection = dialledConnection(policy);
    policy.dialFailed(connection, { code: 'ECONNRESET', afterMs: 1 });
    const last = policy.dialFailed(connection, { code: 'ECONNREFUSED', afterMs: 1 });
    assert.deepEqual(howRejected(last), [internalError, 'upstream_unreachable']);
  });
});

describe('the policy, told how a connection ended', () => {
  const ejected = ['ejected', 'up'];
  const up = ['up', 'up'];

  test('ejects an endpoint that ends first without a byte, again and again', () => {
    assert.deepEqual(statesAfter(2, { endedFirst: 'upstream' }), up);
    assert.deepEqual(statesAfter(3, { endedFirst: 'upstream' }), ejected);
  });

  test('ejects one that resets without a byte, whoever had ended', () => {
    assert.deepEqual(statesAfter(3, { outcome: 'upstream_reset', endedFirst: 'client' }), ejected);
  });

  test('blames no endpoint for a client that ends first, nor for a timeout', () => {
    assert.deepEqual(statesAfter(9, { endedFirst: 'client' }), up);
    assert.deepEqual(statesAfter(9, { outcome: 'idle_timeout' }), up);
  });

  test('blames no endpoint that has sent something', () => {
    assert.deepEqual(statesAfter(9, { endedFirst: 'upstream', bytesDown: 1 }), up);
  });
});

describe('the policy, asked about a client that speaks no TLS', () => {
  const plain = (policy: ConnectionPolicy) => {
    const connection = newConnection();
    return { connection, decision: policy.hello(connection, undefined) };
  };

  test('dials', () => {
    assert.equal(plain(policyFor({})).decision.kind, 'dial');
  });

  test('closes where a TLS client would get an alert', () => {
    const unreachable = policyFor({ connectAttempts: 1 });
    const { connection } = plain(unreachable);
    const last = unreachable.dialFailed(connection, { code: 'ECONNREFUSED', afterMs: 1 });
    assert.deepEqual(howRejected(last), ['close', 'upstream_unreachable']);

    const full = policyFor({ maxConnections: 1 });
    plain(full);
    assert.deepEqual(howRejected(plain(full).decision), ['close', 'upstream_full']);

    const named = policyFor({ endpoints: undefined, serverName: { port: 443, allow: ['*.example.com'] } });
    assert.deepEqual(howRejected(plain(named).decision), ['close', 'name_not_allowed']);
  });

  test('resets it where the endpoint was reset', () => {
    const policy = policyFor({ connectAttempts: 1 });
    const { connection } = plain(policy);
    const last = policy.dialFailed(connection, { code: 'ECONNRESET', afterMs: 1 });
    assert.deepEqual(howRejected(last), ['reset', 'upstream_reset']);
  });
});
