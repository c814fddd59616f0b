/**
 * Milliseconds of processor time for one scrape of 10,000 routes that have all been used, by 2 workers; and nanoseconds
 * that counting costs for each connection. What a worker does is on the loop that forwards; the rest is the supervisor's.
 * node --expose-gc --import tsx bench/micro/metrics-scrape.ts
 */
import { deserialize, serialize } from 'node:v8';

import { inSlices } from '../../src/event-loop/in-slices.ts';
import { MetricsBook } from '../../src/supervisor/metrics-book.ts';
import { ConnectionMetrics } from '../../src/telemetry/connection-metrics.ts';
import type { ConnectionSummary } from '../../src/telemetry/connection-summary.ts';
import { type CounterData, counterData } from '../../src/telemetry/counters.ts';
import { renderMetrics } from '../../src/telemetry/render-metrics.ts';

const routeCount = 10_000;
const workerCount = 2;
const rounds = 15;
const connections = 1_000_000;

const names = Array.from({ length: routeCount }, (_, i) => `route-${i}.example.com`);

function summary(route: string): ConnectionSummary {
  return {
    id: '',
    listener: 'edge',
    client: { address: '192.0.2.1', port: 1, family: 4 },
    serverName: undefined,
    profile: undefined,
    route,
    upstream: 'shop',
    endpoint: undefined,
    bytesCounted: undefined,
    ending: {
      outcome: 'ok',
      bytesUp: 517,
      bytesDown: 1e6,
      helloMs: 1,
      connectMs: 1,
      durationMs: 99,
      attempts: 1,
      endedFirst: 'client',
    },
  };
}

function cpuMs(what: () => void): number {
  const start = process.cpuUsage();
  what();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN;
}

const workers = Array.from({ length: workerCount }, () => {
  const metrics = new ConnectionMetrics();
  for (const name of names) metrics.ended(summary(name));
  return metrics;
});
/** Milliseconds of processor time, and the longest time that nobody else had a turn. */
async function measure(what: () => Promise<void>): Promise<{ cpuMs: number; longestMs: number }> {
  let longestMs = 0;
  let turn = performance.now();
  let isOver = false;
  const look = () => {
    const now = performance.now();
    longestMs = Math.max(longestMs, now - turn);
    turn = now;
    if (!isOver) setImmediate(look);
  };
  setImmediate(look);
  const start = process.cpuUsage();
  await what();
  isOver = true;
  const { user, system } = process.cpuUsage(start);
  return { cpuMs: (user + system) / 1000, longestMs: Math.max(longestMs, performance.now() - turn) };
}

const book = new MetricsBook();
let reports: Buffer[] = [];
let text = Buffer.alloc(0);
const inWorker: { cpuMs: number; longestMs: number }[] = [];
const inSupervisor: { cpuMs: number; longestMs: number }[] = [];

async function report(): Promise<void> {
  const data = await Promise.all(workers.map(({ counters }) => inSlices(counterData(counters))));
  reports = data.map((each) => serialize(each));
}

async function answer(): Promise<void> {
  for (const [i, worker] of workers.entries()) {
    const counters = deserialize(reports[i] ?? Buffer.of()) as CounterData;
    book.note(worker, { counters, liveByListener: new Map(), liveByEndpoint: new Map() });
  }
  const chunks = await book.read((total) =>
    renderMetrics({
      ...total,
      listeners: ['edge'],
      endpoints: [],
      reloads: { success: 0, failure: 0 },
      configHash: '',
      plane: 'native',
      workerRestarts: 0,
    }),
  );
  text = Buffer.concat(chunks);
}

for (let round = 0; round < rounds; round++) {
  globalThis.gc?.();
  inWorker.push(await measure(report));
  globalThis.gc?.();
  inSupervisor.push(await measure(answer));
}
const summaries = names.slice(0, 100).map(summary);
const [worker] = workers;
const counted = cpuMs(() => {
  for (let i = 0; i < connections; i++) worker?.ended(summaries[i % 100] ?? summary(''));
});
const [firstOfWorkers, firstOfSupervisor] = [inWorker[0], inSupervisor[0]];
console.table({
  'each worker, first, ms': (firstOfWorkers?.cpuMs ?? 0) / workerCount,
  'each worker, median, ms': median(inWorker.map(({ cpuMs }) => cpuMs)) / workerCount,
  'workers, longest turn, median, ms': median(inWorker.map(({ longestMs }) => longestMs)),
  'supervisor, first, ms': firstOfSupervisor?.cpuMs,
  'supervisor, median, ms': median(inSupervisor.map(({ cpuMs }) => cpuMs)),
  'supervisor, longest turn, median, ms': median(inSupervisor.map(({ longestMs }) => longestMs)),
  'text, MB': text.length / 1e6,
  'counting a connection, ns': (counted / connections) * 1e6,
});
