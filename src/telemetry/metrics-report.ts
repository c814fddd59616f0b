import type { CounterData } from './counters.ts';

/** Live connections. */
export interface LiveCounts {
  readonly liveByListener: ReadonlyMap<string, number>;
  /** By upstream and endpoint, those being dialled included; no endpoint where an upstream connects to any name. */
  readonly liveByEndpoint: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

/** What a worker answers when it is asked for its metrics: all that it has counted since it started, and what is live. */
export interface MetricsReport extends LiveCounts {
  readonly counters: CounterData;
}
