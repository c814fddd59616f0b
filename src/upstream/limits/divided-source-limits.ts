import type { LimitsSnapshot } from '../../config/snapshot.ts';
import { type WorkerSlot, workerShare } from '../worker-slot.ts';
import { sourceOf } from './source-of.ts';
import { TokenBuckets } from './token-buckets.ts';

type SourceLimitsSettings = Pick<LimitsSnapshot, 'maxConnectionsPerSource' | 'newConnectionsPerSource'>;

/** Sources whose rate is remembered, in each of two generations: some 20 MB of them at the very most. */
const maxTrackedSources = 65_536;

/**
 * `SourceLimits` where a worker has nothing that it shares with the others. Each of several has its equal part of both
 * limits, and at least one connection: together they hardly exceed them, but where the kernel hands a source's
 * connections out unevenly, some are refused early. With one worker the limits are exact.
 *
 * Memory: sources with connections are as many as there are connections; for the rest see `TokenBuckets`.
 */
export class DividedSourceLimits {
  readonly #worker: WorkerSlot;
  readonly #maxTracked: number;
  /** Live connections by source; no entry for none. */
  readonly #connections = new Map<string, number>();
  #maxConnections = Number.POSITIVE_INFINITY;
  #buckets: TokenBuckets | undefined;

  constructor(
    settings: SourceLimitsSettings,
    worker: WorkerSlot = { index: 0, count: 1 },
    maxTracked = maxTrackedSources,
  ) {
    this.#worker = worker;
    this.#maxTracked = maxTracked;
    this.configure(settings);
  }

  /** How many sources are remembered, and how many were forgotten early: see `TokenBuckets`. */
  get tracked(): { readonly sources: number; readonly forgotten: number } {
    return {
      sources: this.#connections.size + (this.#buckets?.size ?? 0),
      forgotten: this.#buckets?.forgotten ?? 0,
    };
  }

  /** Takes over a reloaded configuration: live connections and used tokens keep counting. */
  configure(settings: SourceLimitsSettings): void {
    const { maxConnectionsPerSource, newConnectionsPerSource } = settings;
    this.#maxConnections = this.#part(maxConnectionsPerSource ?? Number.POSITIVE_INFINITY);
    if (newConnectionsPerSource === undefined) {
      this.#buckets = undefined;
      return;
    }
    const burst = this.#part(newConnectionsPerSource.count);
    const perMs = burst / newConnectionsPerSource.perMs;
    this.#buckets ??= new TokenBuckets(burst, perMs, this.#maxTracked);
    this.#buckets.configure(burst, perMs);
  }

  /**
   * Whether the connection may stay: `ended` must then be called for it, and only then. One that is refused uses
   * nothing up. `address`: as in `sourceOf`.
   */
  accept(address: string, nowMs: number): boolean {
    const source = sourceOf(address);
    const connections = this.#connections.get(source) ?? 0;
    if (connections >= this.#maxConnections) return false;
    if (this.#buckets !== undefined && !this.#buckets.take(source, nowMs)) return false;
    this.#connections.set(source, connections + 1);
    return true;
  }

  ended(address: string): void {
    const source = sourceOf(address);
    const connections = this.#connections.get(source);
    if (connections === undefined) throw new Error(`${source} has no connection to end`);
    if (connections === 1) this.#connections.delete(source);
    else this.#connections.set(source, connections - 1);
  }

  #part(limit: number): number {
    return Number.isFinite(limit) ? Math.max(workerShare(limit, this.#worker), 1) : limit;
  }
}
