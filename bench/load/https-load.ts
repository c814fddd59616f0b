/**
 * Real HTTPS clients and the TLS servers behind the proxy. Prints as load.cc does.
 * usage: node --import tsx bench/load/https-load.ts JSON
 */
import type { EventEmitter } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import autocannon from 'autocannon';

export interface HttpsLoad {
  readonly url: string;
  readonly serverName: string;
  /** Where the servers listen. */
  readonly hosts: readonly string[];
  readonly serverPort: number;
  /** Whether each request has a TLS connection of its own. */
  readonly reconnects: boolean;
  readonly clients: number;
  readonly warmSeconds: number;
  readonly seconds: number;
  readonly watched: readonly number[];
}

const patienceMs = 10_000;
const load: HttpsLoad = JSON.parse(process.argv[2] ?? '{}');
const servers = new Worker(new URL('./https-servers.mjs', import.meta.url), { workerData: load });
await new Promise((resolve, reject) => servers.once('message', resolve).once('error', reject));

const latenciesUs: number[] = [];
let errors = 0;
const options = {
  url: load.url,
  servername: load.serverName,
  connections: load.clients,
  duration: 3600,
  ...(load.reconnects ? { reconnectRate: 1 } : {}),
  setupClient: time,
};
// With a callback it is the instance that comes back, not a promise.
const clients = autocannon(options, () => {});
clients.on('reqError', () => {
  errors++;
});
await delay(load.warmSeconds * 1000);
console.log('started');
latenciesUs.length = errors = 0;
const before = load.watched.map(cpuNs);
const startMs = performance.now();
// On a machine that is busy with something else it takes a while longer.
do await delay(load.seconds * 1000);
while (latenciesUs.length < load.clients && performance.now() - startMs < patienceMs);
const seconds = (performance.now() - startMs) / 1000;
const after = load.watched.map(cpuNs);
console.log(JSON.stringify({ ...latencies(), seconds, cpuNs: after.map((ns, i) => ns - (before[i] ?? 0)) }));
process.exit();

/** Each request from when it is sent; where it reconnects, from the first SYN: it does both at once. */
function time(client: autocannon.Client): void {
  let sentMs = 0;
  // The types leave `request` out.
  (client as EventEmitter).on('request', () => {
    sentMs = performance.now();
  });
  client.on('headers', () => latenciesUs.push((performance.now() - sentMs) * 1000));
}

function latencies(): object {
  const sorted = latenciesUs.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
  const percentiles = { p50Us: at(0.5), p99Us: at(0.99), p999Us: at(0.999) };
  return { operations: sorted.length, bytes: 0, errors, ...percentiles };
}

/** Of all threads that live. */
function cpuNs(pid: number): number {
  return readdirSync(`/proc/${pid}/task`)
    .map((thread) => Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]))
    .reduce((sum, ns) => sum + ns, 0);
}
