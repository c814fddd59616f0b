import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { SocketAddress } from '../../src/data-plane/data-plane.ts';
import { outcomes } from '../../src/data-plane/outcome.ts';
import type { ConnectionSummary } from '../../src/telemetry/connection-summary.ts';
import { writtenLine } from './written-line.ts';

/** The line, without the haste. */
function expectedLine(summary: ConnectionSummary, nowMs: number): string {
  const { client, profile, ending } = summary;
  const host = client.family === 6 ? `[${client.address}]` : client.address;
  const rounded = (ms: number | undefined) => (ms === undefined ? null : Math.round(ms * 1000) / 1000);
  const fields = {
    time: new Date(nowMs).toISOString(),
    id: summary.id,
    listener: summary.listener,
    client: `${host}:${client.port}`,
    serverName: summary.serverName ?? null,
    alpn: profile?.alpn ?? null,
    tlsVersion: profile?.tlsVersion ?? null,
    ja4: profile?.ja4 ?? null,
    ech: profile?.ech ?? null,
    route: summary.route ?? null,
    upstream: summary.upstream ?? null,
    endpoint: summary.endpoint ?? null,
    attempts: ending.attempts,
    bytesUp: ending.bytesUp,
    bytesDown: ending.bytesDown,
    helloMs: rounded(ending.helloMs),
    connectMs: rounded(ending.connectMs),
    durationMs: rounded(ending.durationMs),
    outcome: ending.outcome,
  };
  return `${JSON.stringify(fields)}\n`;
}

const optional = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined });
/** Any UTF-16, and often what has to be escaped. */
const text = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc
    .array(fc.constantFrom('"', '\\', '\n', '\u0000', '\u007f', '\u2028', '\ud800', 'é', 'a'))
    .map((units) => units.join('')),
);
const count = fc.oneof(fc.nat(2000), fc.maxSafeNat());
const ms = fc.oneof(
  fc.nat(3_000_000).map((us) => us / 1000),
  fc.double({ min: 0, max: 1e15, noNaN: true }),
);
const client: fc.Arbitrary<SocketAddress> = fc
  .record({
    address: fc.constantFrom('203.0.113.7', '2001:db8::1'),
    port: fc.nat(65_535),
    family: fc.constant(4 as const),
  })
  .map((address) => ({ ...address, family: address.address.includes(':') ? 6 : 4 }));

const summaries: fc.Arbitrary<ConnectionSummary> = fc.record({
  id: fc.uuid({ version: 7 }),
  listener: text,
  client,
  serverName: optional(text),
  profile: optional(
    fc.record({
      alpn: fc.array(text, { maxLength: 3 }),
      tlsVersion: fc.constantFrom('1.3', 'ssl3', '0x7f1c'),
      ja4: fc.constant('t13d1516h2_8daaf6152771_e5627efa2ab1'),
      ech: fc.boolean(),
    }),
  ),
  route: optional(text),
  upstream: optional(text),
  endpoint: optional(fc.constantFrom('10.0.0.1:443', '[::1]:8443')),
  bytesCounted: fc.constant(undefined),
  ending: fc.record({
    outcome: fc.constantFrom(...outcomes),
    bytesUp: count,
    bytesDown: count,
    helloMs: optional(ms),
    connectMs: optional(ms),
    durationMs: ms,
    attempts: fc.nat(10),
    endedFirst: fc.constant(undefined),
  }),
});

describe('a line of the access log', () => {
  test('is what JSON.stringify makes of the connection, and fits where it said that it would', () => {
    const times = fc.oneof(
      fc.integer({ min: 1.7e12, max: 1.7e12 + 5000 }),
      fc.integer({ min: 0, max: 4e12 }),
    );
    fc.assert(
      fc.property(summaries, times, (summary, nowMs) => {
        assert.equal(writtenLine(summary, nowMs), expectedLine(summary, nowMs));
      }),
      { numRuns: 2000 },
    );
  });

  test('holds a name as long as a ClientHello can be, escaped at every character', () => {
    const [sample] = fc.sample(summaries, { numRuns: 1, seed: 1 });
    assert.ok(sample);
    const summary = { ...sample, serverName: '\u0001'.repeat(65_535) };
    assert.equal(JSON.parse(writtenLine(summary)).serverName, summary.serverName);
  });
});
