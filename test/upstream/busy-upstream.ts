import type { Balancer } from '../../src/upstream/balance/balancer.ts';
import { Endpoint } from '../../src/upstream/endpoint.ts';
import { sampleRequest, sampleSettings, seededRandom } from './samples.ts';

export interface Busy {
  readonly workers: number;
  readonly endpoints: number;
  /** Live connections over all workers once it is in balance. */
  readonly live: number;
  readonly newBalancer: (worker: { index: number; count: number }, random: () => number) => Balancer;
}

interface Worker {
  readonly endpoints: readonly Endpoint[];
  readonly balancer: Balancer;
}

/**
 * Connections arrive at random at random workers and live for an exponentially distributed time. Returns how far the
 * busiest endpoint is above the mean, as a part of the mean, on average over time.
 */
export function imbalance(busy: Busy): number {
  const random = seededRandom(1);
  const workers = Array.from({ length: busy.workers }, (_, index) => newWorker(busy, index, random));
  const live: { worker: Worker; endpoint: Endpoint }[] = [];
  const arrivals = 20 * busy.live;
  let sum = 0;
  let samples = 0;
  for (let arrival = 0; arrival < arrivals; arrival += 1) {
    live.push(connect(workers, random));
    if (live.length > busy.live) endOne(live, random);
    if (arrival > arrivals / 4 && arrival % 50 === 0) {
      sum += busiestAboveMean(workers);
      samples += 1;
    }
  }
  return sum / samples;
}

function newWorker(busy: Busy, index: number, random: () => number): Worker {
  const endpoints = Array.from(
    { length: busy.endpoints },
    (_, number) => new Endpoint(sampleSettings(number)),
  );
  const balancer = busy.newBalancer({ index, count: busy.workers }, random);
  balancer.reset(endpoints);
  return { endpoints, balancer };
}

function connect(workers: readonly Worker[], random: () => number): { worker: Worker; endpoint: Endpoint } {
  const worker = workers[Math.floor(random() * workers.length)];
  const endpoint = worker?.balancer.pick(sampleRequest(), []);
  if (worker === undefined || endpoint === undefined) throw new Error('nothing to choose from');
  count(worker, endpoint, 1);
  return { worker, endpoint };
}

/** Any of them, as likely as any other: what is left of an exponentially distributed time forgets its past. */
function endOne(live: { worker: Worker; endpoint: Endpoint }[], random: () => number): void {
  const index = Math.floor(random() * live.length);
  const ended = live[index];
  const last = live.pop();
  if (ended === undefined || last === undefined) return;
  if (index < live.length) live[index] = last;
  count(ended.worker, ended.endpoint, -1);
}

function count(worker: Worker, endpoint: Endpoint, change: number): void {
  endpoint.activeConnections += change;
  worker.balancer.loadChanged?.(endpoint);
}

function busiestAboveMean(workers: readonly Worker[]): number {
  const totals = totalConnections(workers);
  const mean = totals.reduce((sum, total) => sum + total, 0) / totals.length;
  return Math.max(...totals) / mean - 1;
}

function totalConnections(workers: readonly Worker[]): number[] {
  const first = workers[0]?.endpoints ?? [];
  return first.map((_, index) =>
    workers.reduce((sum, { endpoints }) => sum + (endpoints[index]?.activeConnections ?? 0), 0),
  );
}
