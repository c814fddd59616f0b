import { type Outcome, outcomes } from '../data-plane/outcome.ts';
import { type Bounds, histogramWidth } from './histogram.ts';
import { Tally, type TallyData } from './tally.ts';
import { TallySum } from './tally-sum.ts';

/** A hello in one segment comes within a round trip; after 5 s it is late. */
export const helloDurationBounds: Bounds = [0.001, 0.005, 0.025, 0.1, 0.5, 1, 5];
/** Half a millisecond is a neighbour, 3 s the default time for an attempt. */
export const connectDurationBounds: Bounds = [0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 3, 10];
/** A page, a download, a day's web socket. Few: there is a histogram for each route. */
export const connectionDurationBounds: Bounds = [0.1, 1, 10, 60, 600, 3600];
/** Under 512 without an ML-KEM key share, about 1800 with one; 16 KiB is a full record. */
export const helloBytesBounds: Bounds = [256, 512, 1024, 1536, 2048, 4096, 16_384, 65_536];

/** In the order of the bits of `helloFeature`. */
export const featureLabels = ['ech', 'post_quantum', 'grease', 'tls13', 'no_sni', 'multi_record'] as const;

/** Outcomes that are the proxy's own refusal: the reasons of `rejected_total`. */
export const refusals = [
  'not_tls',
  'malformed_hello',
  'hello_too_large',
  'hello_timeout',
  'no_route',
  'rejected',
  'upstream_unreachable',
  'upstream_full',
  'source_limited',
  'bad_proxy_header',
  'name_not_allowed',
] as const satisfies readonly Outcome[];

interface Shape {
  readonly labels: readonly string[];
  /** How many columns a row has. */
  readonly width: number;
}

/** What workers count. */
const shapes = {
  /** A column for each outcome. */
  connections: { labels: ['listener', 'route'], width: outcomes.length },
  /** A column for each refusal. */
  rejected: { labels: ['listener'], width: refusals.length },
  /** Up, down. */
  bytes: { labels: ['route'], width: 2 },
  helloDuration: { labels: ['listener'], width: histogramWidth(helloDurationBounds) },
  connectDuration: { labels: ['upstream'], width: histogramWidth(connectDurationBounds) },
  connectionDuration: { labels: ['route'], width: histogramWidth(connectionDurationBounds) },
  helloBytes: { labels: [], width: histogramWidth(helloBytesBounds) },
  /** A column for each feature. */
  helloFeatures: { labels: [], width: featureLabels.length },
  connectFailures: { labels: ['upstream', 'endpoint', 'reason'], width: 1 },
  splicedBytes: { labels: [], width: 1 },
  acceptFailures: { labels: [], width: 1 },
  accessLogLinesLost: { labels: [], width: 1 },
} as const satisfies Record<string, Shape>;

export type CounterName = keyof typeof shapes;
/** Of one worker. */
export type Counters = Readonly<Record<CounterName, Tally>>;
export type CounterData = Readonly<Record<CounterName, TallyData>>;
/** Of all workers. */
export type CounterSums = Readonly<Record<CounterName, TallySum>>;

const counterNames = Object.keys(shapes) as CounterName[];

export function newCounters(): Counters {
  return forEachCounter((name) => new Tally(shapes[name].labels, shapes[name].width));
}

export function newSums(): CounterSums {
  return forEachCounter((name) => new TallySum(shapes[name].width));
}

/** By steps. */
export function* addCounters(to: CounterSums, data: CounterData): Generator<void> {
  for (const name of counterNames) yield* to[name].add(data[name]);
}

/** See `TallySum`. */
export function addLastingCounters(to: CounterSums, data: CounterData): void {
  for (const name of counterNames) to[name].addLasting(data[name]);
}

/** See `TallySum`. */
export function resetSums(sums: CounterSums): void {
  for (const name of counterNames) sums[name].reset();
}

/** By steps. */
export function* counterData(counters: Counters): Generator<void, CounterData> {
  const data: Partial<Record<CounterName, TallyData>> = {};
  for (const name of counterNames) data[name] = yield* counters[name].toData();
  return data as CounterData;
}

function forEachCounter<T>(make: (name: CounterName) => T): Record<CounterName, T> {
  return Object.fromEntries(counterNames.map((name) => [name, make(name)])) as Record<CounterName, T>;
}
