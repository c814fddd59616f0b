import { atOnce, inSlices } from '../event-loop/in-slices.ts';
import { addCounters, type Counters, counterData, newCounters } from '../telemetry/counters.ts';
import type { MetricsReport } from '../telemetry/metrics-report.ts';
import { Tally } from '../telemetry/tally.ts';

export interface MetricsTotal {
  readonly counters: Counters;
  readonly liveByListener: Tally;
  readonly liveByEndpoint: Tally;
}

/**
 * What the workers have counted, those that have ended included: a worker that drains reports once more at its end. Of
 * one that is killed, what it counted since it was last asked is lost.
 */
export class MetricsBook {
  readonly #ended = newCounters();
  /** The latest report of each process that runs. */
  readonly #latest = new Map<object, MetricsReport>();

  note(worker: object, report: MetricsReport): void {
    this.#latest.set(worker, report);
  }

  /** The worker will report no more. */
  close(worker: object): void {
    const report = this.#latest.get(worker);
    if (report !== undefined) atOnce(addCounters(this.#ended, report.counters));
    this.#latest.delete(worker);
  }

  /** Live connections of one worker, when it last reported. */
  connectionsOf(worker: object): number {
    return this.#latest.get(worker)?.liveByListener.values.reduce((sum, count) => sum + count, 0) ?? 0;
  }

  async total(): Promise<MetricsTotal> {
    const total = { counters: newCounters(), liveByListener: new Tally(1), liveByEndpoint: new Tally(1) };
    await inSlices(this.#addAll(total));
    return total;
  }

  /** Of what is here when the first step is taken: what a worker counted is never added twice. */
  *#addAll({ counters, liveByListener, liveByEndpoint }: MetricsTotal): Generator<void> {
    const reports = [...this.#latest.values()];
    yield* addCounters(counters, atOnce(counterData(this.#ended)));
    for (const report of reports) {
      yield* addCounters(counters, report.counters);
      yield* liveByListener.add(report.liveByListener);
      yield* liveByEndpoint.add(report.liveByEndpoint);
    }
  }
}
