import { atOnce, inSlices } from '../event-loop/in-slices.ts';
import {
  addCounters,
  type Counters,
  clearCounters,
  counterData,
  newCounters,
} from '../telemetry/counters.ts';
import type { MetricsReport } from '../telemetry/metrics-report.ts';
import { Tally } from '../telemetry/tally.ts';
import { Turns } from './turns.ts';

/** Live connections. */
export interface LiveTotal {
  readonly liveByListener: Tally;
  readonly liveByEndpoint: Tally;
}

export interface MetricsTotal extends LiveTotal {
  readonly counters: Counters;
}

/**
 * What the workers have counted, those that have ended included: a worker that drains reports once more at its end. Of
 * one that is killed, what it counted since it was last asked is lost: they are asked every now and then.
 */
export class MetricsBook {
  readonly #ended = newCounters();
  readonly #counters = newCounters();
  readonly #turns = new Turns();
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

  /** Live connections of all workers, when they last reported. */
  live(): LiveTotal {
    const total = newLiveTotal();
    atOnce(addLive(total, this.#latest.values()));
    return total;
  }

  /**
   * Calls with the sum of all, which holds until what is called has settled: one at a time. Its rows stay from one time
   * to the next, or finding them would be most of the work.
   */
  read<Result>(use: (total: MetricsTotal) => Promise<Result>): Promise<Result> {
    return this.#turns.take(async () => {
      const live = newLiveTotal();
      await inSlices(this.#addAll(live));
      return use({ counters: this.#counters, ...live });
    });
  }

  /** Of what is here when the first step is taken: what a worker counted is never added twice. */
  *#addAll(live: LiveTotal): Generator<void> {
    const reports = [...this.#latest.values()];
    const ended = atOnce(counterData(this.#ended));
    yield* addLive(live, reports);
    yield* clearCounters(this.#counters);
    yield* addCounters(this.#counters, ended);
    for (const { counters } of reports) yield* addCounters(this.#counters, counters);
  }
}

function newLiveTotal(): LiveTotal {
  return { liveByListener: new Tally(1), liveByEndpoint: new Tally(1) };
}

function* addLive({ liveByListener, liveByEndpoint }: LiveTotal, reports: Iterable<MetricsReport>) {
  for (const report of reports) {
    yield* liveByListener.add(report.liveByListener);
    yield* liveByEndpoint.add(report.liveByEndpoint);
  }
}
