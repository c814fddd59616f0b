import { outcomes } from '../data-plane/outcome.ts';
import { type Bounds, histogramWidth } from './histogram.ts';
import { Tally, type TallyData } from './tally.ts';

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

/** What workers count, and how many columns a row of it has. */
const widths = {
  /** By listener and route: a column for each outcome. */
  connections: outcomes.length,
  /** By route: up, down. */
  bytes: 2,
  /** By listener. */
  helloDuration: histogramWidth(helloDurationBounds),
  /** By upstream. */
  connectDuration: histogramWidth(connectDurationBounds),
  /** By route. */
  connectionDuration: histogramWidth(connectionDurationBounds),
  helloBytes: histogramWidth(helloBytesBounds),
  /** A column for each feature. */
  helloFeatures: featureLabels.length,
  /** By upstream, endpoint and reason. */
  connectFailures: 1,
  splicedBytes: 1,
  acceptFailures: 1,
  accessLogLinesLost: 1,
} as const;

export type CounterName = keyof typeof widths;
export type Counters = Readonly<Record<CounterName, Tally>>;
export type CounterData = Readonly<Record<CounterName, TallyData>>;

const counterNames = Object.keys(widths) as CounterName[];

export function newCounters(): Counters {
  return forEachCounter((name) => new Tally(widths[name]));
}

/** By steps. */
export function* addCounters(to: Counters, data: CounterData): Generator<void> {
  for (const name of counterNames) yield* to[name].add(data[name]);
}

/** By steps: to zero, with their rows. */
export function* clearCounters(counters: Counters): Generator<void> {
  for (const name of counterNames) yield* counters[name].clear();
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
