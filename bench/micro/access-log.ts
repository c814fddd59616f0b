// Nanoseconds for what the access log makes of a connection. usage: npx tsx bench/micro/access-log.ts
import { AccessLogLines } from '../../src/telemetry/access-log-lines.ts';
import type { ConnectionSummary } from '../../src/telemetry/connection-summary.ts';
import { ClientHello } from '../../src/tls/client-hello.ts';
import { ClientProfiles } from '../../src/tls/client-profile.ts';
import { HelloScanner } from '../../src/tls/hello-scanner.ts';
import { newConnectionId } from '../../src/worker/connection-id.ts';
import { capturedHellos } from '../../test/tls/hello-corpus.ts';

const rounds = 5;
const callsPerRound = 200_000;

/** The best of a few rounds: what disturbs the machine only ever adds. The first warms up. */
function report(what: string, call: () => unknown): void {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round <= rounds; round++) {
    const start = process.hrtime.bigint();
    for (let index = 0; index < callsPerRound; index++) call();
    const each = Number(process.hrtime.bigint() - start) / callsPerRound;
    if (round > 0) best = Math.min(best, each);
  }
  console.log(`${what.padEnd(40)} ${best.toFixed(0).padStart(6)} ns`);
}

function hello(name: string): ClientHello {
  const scanner = new HelloScanner(65_536);
  scanner.scan(capturedHellos.find((captured) => captured.name === name)?.bytes ?? new Uint8Array(0));
  return new ClientHello(scanner.message, scanner.facts);
}

const profiles = new ClientProfiles();
for (const name of ['curl-default', 'chromium', 'node']) {
  const asked = hello(name);
  report(`the profile of ${name}, again`, () => profiles.of(asked));
  report(`the fingerprint of ${name}, anew`, () => asked.ja4);
}

report('an id', newConnectionId);

const summary: ConnectionSummary = {
  id: newConnectionId(),
  listener: 'edge',
  client: { address: '203.0.113.7', port: 50_000, family: 4 },
  serverName: 'shop.example.com',
  profile: profiles.of(hello('chromium')),
  route: 'shop.example.com',
  upstream: 'shop',
  endpoint: '10.0.0.11:8443',
  bytesCounted: undefined,
  ending: {
    outcome: 'ok',
    bytesUp: 1742,
    bytesDown: 48_211,
    helloMs: 0.412,
    connectMs: 1.07,
    durationMs: 83.559,
    attempts: 1,
    endedFirst: 'client',
  },
};
const lines = new AccessLogLines();
const somewhere = Buffer.alloc(4096);
const place = { end: 0, roomFor: () => somewhere, add: () => {} };
report('a line', () => lines.write(place, summary, 1_780_000_000_123));
