import { inSlices } from '../event-loop/in-slices.ts';
import {
  addCounters,
  addLastingCounters,
  type CounterSums,
  newSums,
  resetSums,
} from '../telemetry/counters.ts';
import type { LiveCounts, MetricsReport } from '../telemetry/metrics-report.ts';
import { Turns } from './turns.ts';

export interface MetricsTotal extends LiveCounts {
  readonly counters: CounterSums;
}

/**
 * What the workers have counted, those that have ended included: a worker that drains reports once more at its end. Of
 * one that is killed, what it counted since it was last asked is lost: they are asked every now and then.
 */
export class MetricsBook {
  /** What those that have ended have counted lasts. */
  readonly #counters = newSums();
  readonly #turns = new Turns();
  /** The latest report of each process that runs. */
  readonly #latest = new Map<object, MetricsReport>();

  note(worker: object, report: MetricsReport): void {
    this.#latest.set(worker, report);
  }

  /** The worker will report no more. */
  close(worker: object): void {
    const report = this.#latest.get(worker);
    if (report !== undefined) addLastingCounters(this.#counters, report.counters);
    this.#latest.delete(worker);
  }

  /** Live connections of one worker, when it last reported. */
  connectionsOf(worker: object): number {
    const counts = this.#latest.get(worker)?.liveByListener.values() ?? [];
    return [...counts].reduce((sum, count) => sum + count, 0);
  }

  /** Live connections of all workers, when they last reported. */
  live(): LiveCounts {
    return addLive(this.#latest.values());
  }

  /**
   * Calls with the sum of all, which holds until what is called has settled: one at a time. Its rows stay from one time
   * to the next, or finding them would be most of the work.
   */
  read<Result>(use: (total: MetricsTotal) => Promise<Result>): Promise<Result> {
    return this.#turns.take(async () => {
      const reports = [...this.#latest.values()];
      const live = addLive(reports);
      await inSlices(this.#addAll(reports));
      return use({ counters: this.#counters, ...live });
    });
  }

  /** Of what is here when the first step is taken: what a worker counted is never added twice. */
  *#addAll(reports: readonly MetricsReport[]): Generator<void> {
    resetSums(this.#counters);
    for (const { counters } of reports) yield* addCounters(this.#counters, counters);
  }
}

function addLive(reports: Iterable<LiveCounts>): LiveCounts {
  const liveByListener = new Map<string, number>();
  const liveByEndpoint = new Map<string, Map<string, number>>();
  for (const report of reports) {
    addCounts(liveByListener, report.liveByListener);
    for (const [upstream, counts] of report.liveByEndpoint) {
      const total = liveByEndpoint.get(upstream) ?? new Map<string, number>();
      liveByEndpoint.set(upstream, total);
      addCounts(total, counts);
    }
  }
  return { liveByListener, liveByEndpoint };
}

function addCounts(to: Map<string, number>, counts: ReadonlyMap<string, number>): void {
  for (const [name, count] of counts) to.set(name, (to.get(name) ?? 0) + count);
}
