import { type Outcome, outcomes } from '../data-plane/outcome.ts';
import type { ByteCounts, ConnectionObserver, ConnectionSummary } from './connection-summary.ts';
import {
  type Counters,
  connectDurationBounds,
  connectionDurationBounds,
  helloBytesBounds,
  helloDurationBounds,
  newCounters,
  refusals,
} from './counters.ts';
import { observe } from './histogram.ts';
import type { Row } from './tally.ts';

const outcomeColumns: ReadonlyMap<Outcome, number> = new Map(outcomes.map((outcome, i) => [outcome, i]));
const refusalColumns: ReadonlyMap<Outcome, number> = new Map(refusals.map((outcome, i) => [outcome, i]));

/** DNS may name ever new endpoints: those past this many failures of different kinds are counted without their name. */
const mostFailureRows = 10_000;

/** Counts the connections of one worker. Nothing of it outlives a call but numbers. */
export class ConnectionMetrics implements ConnectionObserver {
  readonly wantsProfile = false;
  readonly counters: Counters = newCounters();
  readonly #bytesOfHellos = this.counters.helloBytes.row();
  readonly #features = this.counters.helloFeatures.row();
  #failureRows = 0;

  helloRead(features: number, wireBytes: number): void {
    observe(this.#bytesOfHellos, helloBytesBounds, wireBytes);
    for (let feature = 0; feature < this.#features.length; feature++) {
      if ((features & (1 << feature)) !== 0) add(this.#features, feature, 1);
    }
  }

  dialFailed(upstream: string, endpoint: string, code: string): void {
    const label = this.#failureRows < mostFailureRows ? endpoint : '';
    const row = this.counters.connectFailures.row(upstream, label, code);
    if (row[0] === 0) this.#failureRows += 1;
    add(row, 0, 1);
  }

  /**
   * Counts what a live connection has moved since it was last asked; `counted` is what was counted by then. Returns
   * what is counted now.
   */
  progressed(route: string, { up, down }: ByteCounts, counted: ByteCounts | undefined): ByteCounts {
    const row = this.counters.bytes.row(route);
    add(row, 0, up - (counted?.up ?? 0));
    add(row, 1, down - (counted?.down ?? 0));
    return { up, down };
  }

  ended({ listener, route = '', upstream, ending, bytesCounted }: ConnectionSummary): void {
    const { counters } = this;
    const { outcome, bytesUp, bytesDown, helloMs, connectMs, durationMs } = ending;
    add(counters.connections.row(listener, route), outcomeColumns.get(outcome) ?? 0, 1);
    const refusal = refusalColumns.get(outcome);
    if (refusal !== undefined) add(counters.rejected.row(listener), refusal, 1);
    this.progressed(route, { up: bytesUp, down: bytesDown }, bytesCounted);
    observe(counters.connectionDuration.row(route), connectionDurationBounds, durationMs / 1000);
    if (helloMs !== undefined)
      observe(counters.helloDuration.row(listener), helloDurationBounds, helloMs / 1000);
    if (connectMs !== undefined && upstream !== undefined)
      observe(counters.connectDuration.row(upstream), connectDurationBounds, connectMs / 1000);
  }
}

function add(row: Row, column: number, value: number): void {
  row[column] = (row[column] ?? 0) + value;
}
