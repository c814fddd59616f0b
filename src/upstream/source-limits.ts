import type { LimitsSnapshot } from '../config/snapshot.ts';
import { DividedSourceLimits } from './limits/divided-source-limits.ts';
import { type SharedSources, tableFull } from './limits/shared-sources.ts';
import type { WorkerSlot } from './worker-slot.ts';

type SourceLimitsSettings = Pick<LimitsSnapshot, 'maxConnectionsPerSource' | 'newConnectionsPerSource'>;

/** What a connection counts for: an entry of the shared table, or a source of this worker's own. */
export type CountedSource = number | string;

/**
 * What one source may have: so many connections at once, and so many new ones in a time. A source is an IPv4 address
 * or an IPv6 /64, which is what one subscriber is given.
 *
 * Exact over all workers, where they have memory that they share. Without, and for a source that has no room in it,
 * each worker keeps to its part: see `DividedSourceLimits`.
 */
export class SourceLimits {
  readonly #shared: SharedSources | undefined;
  readonly #own: DividedSourceLimits;

  constructor(settings: SourceLimitsSettings, worker?: WorkerSlot, shared?: SharedSources) {
    this.#shared = shared;
    this.#own = new DividedSourceLimits(settings, worker);
    this.configure(settings);
  }

  /** Takes over a reloaded configuration: live connections and used tokens keep counting. */
  configure(settings: SourceLimitsSettings): void {
    this.#own.configure(settings);
    this.#shared?.configure(settings);
  }

  /**
   * Undefined: the connection may not stay, and has used nothing up. Else `ended` must be called with what it counts
   * for. `address`: as in `sourceOf`.
   */
  accept(address: string, nowMs: number): CountedSource | undefined {
    const entry = this.#shared?.accept(address, nowMs) ?? tableFull;
    if (entry !== tableFull) return entry < 0 ? undefined : entry;
    return this.#own.accept(address, nowMs) ? address : undefined;
  }

  ended(counted: CountedSource): void {
    if (typeof counted === 'string') this.#own.ended(counted);
    else this.#shared?.ended(counted);
  }
}
