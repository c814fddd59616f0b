import type { CounterData } from './counters.ts';
import type { TallyData } from './tally.ts';

/** What a worker answers when it is asked for its metrics: all that it has counted since it started, and what is live. */
export interface MetricsReport {
  readonly counters: CounterData;
  /** Live connections by listener. */
  readonly liveByListener: TallyData;
  /** By upstream and endpoint, those being dialled included; no endpoint where an upstream connects to any name. */
  readonly liveByEndpoint: TallyData;
}
