// Nanoseconds for one connection's part in balancing: pick, dialled, ended. Run: node --import tsx bench/micro/pick.ts
import type { BalanceMethod } from '../../src/config/snapshot.ts';
import type { Endpoint, EndpointSettings } from '../../src/upstream/endpoint.ts';
import { Upstream } from '../../src/upstream/upstream.ts';

const methods: readonly BalanceMethod[] = [
  'round-robin',
  'least-connections',
  'random-two-choices',
  'source-hash',
  'server-name-hash',
];
const sizes = [3, 100, 1_000, 10_000];
/** Live connections an endpoint, on average: each pick ends the connection that is this many picks old. */
const liveEach = 4;

const sources = Array.from({ length: 1024 }, (_, index) => `203.0.${index >> 8}.${index & 255}`);

for (const method of methods) {
  const cells = sizes.map((size) => `${size}: ${measure(method, size).toFixed(0).padStart(6)} ns`);
  console.log(`${method.padEnd(20)} ${cells.join('   ')}`);
}

function measure(method: BalanceMethod, size: number): number {
  const upstream = newUpstream(method, size);
  const live: Endpoint[] = Array(size * liveEach);
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5; round += 1)
    best = Math.min(best, measureRound(upstream, live, method, size));
  return best;
}

function measureRound(upstream: Upstream, live: Endpoint[], method: BalanceMethod, size: number): number {
  const picks = method.endsWith('hash') ? Math.max(2_000, Math.min(200_000, 2e7 / size)) : 200_000;
  const beganNs = process.hrtime.bigint();
  for (let count = 0; count < picks; count += 1) {
    const source = sources[count % sources.length] ?? '';
    const endpoint = upstream.pick({ source, serverName: 'shop.example.com', nowMs: 0 }, []);
    if (endpoint === undefined) throw new Error('no endpoint');
    upstream.dialled(endpoint);
    const oldest = live[count % live.length];
    if (oldest !== undefined) upstream.ended(oldest, { diedBeforeFirstByte: false }, 0);
    live[count % live.length] = endpoint;
  }
  return Number(process.hrtime.bigint() - beganNs) / picks;
}

function newUpstream(method: BalanceMethod, size: number): Upstream {
  const passiveHealth = { failures: 3, windowMs: 10_000, ejectForMs: 30_000, maxEjectedShare: 0.5 };
  const settings = {
    name: 'bench',
    balance: method,
    maxConnections: undefined,
    passiveHealth,
    slowStartMs: undefined,
  };
  const endpoints = Array.from({ length: size }, (_, index): EndpointSettings => {
    return { address: `10.1.${index >> 8}.${index & 255}`, port: 8443, family: 4, weight: 1 + (index % 3) };
  });
  return new Upstream(settings, endpoints, Math.random);
}
