import type { LimitsSnapshot } from '../config/snapshot.ts';
import { TokenBuckets } from './token-buckets.ts';
import { type WorkerSlot, workerShare } from './worker-slot.ts';

type SourceLimitsSettings = Pick<LimitsSnapshot, 'maxConnectionsPerSource' | 'newConnectionsPerSource'>;

/** Sources whose rate is remembered, in each of two generations: some 20 MB of them at the very most. */
const maxTrackedSources = 65_536;

/**
 * What one source may have: so many connections at once, and so many new ones in a time. A source is an IPv4 address
 * or an IPv6 /64, which is what one subscriber is given.
 *
 * Each of several workers has its equal part of both limits, and at least one connection: together they hardly
 * exceed them, but where the kernel hands a source's connections out unevenly, some are refused early. With one
 * worker, or used in the supervisor on behalf of all, the limits are exact.
 *
 * Memory: sources with connections are as many as there are connections; for the rest see `TokenBuckets`.
 */
export class SourceLimits {
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
   * nothing up. `address`: canonical text, IPv4 even where it came mapped into IPv6.
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

/** The first four groups of an IPv6 address; an IPv4 address as it is. */
function sourceOf(address: string): string {
  if (!address.includes(':')) return address;
  const end = endOfFourGroups(address);
  if (end !== undefined) return address.slice(0, end);
  const [before = '', after = ''] = address.split('::');
  const [head, tail] = [groups(before), groups(after)];
  const zeros = Array<string>(Math.max(8 - head.length - tail.length, 0)).fill('0');
  return [...head, ...zeros, ...tail].slice(0, 4).join(':');
}

/** Where the fourth group ends; undefined when a `::` comes before. */
function endOfFourGroups(address: string): number | undefined {
  let colon = address.indexOf(':');
  for (let group = 1; group < 4; group += 1) {
    if (address[colon + 1] === ':') return undefined;
    colon = address.indexOf(':', colon + 1);
  }
  return colon;
}

function groups(part: string): string[] {
  return part === '' ? [] : part.split(':');
}
