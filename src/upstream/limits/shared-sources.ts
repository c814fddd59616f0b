import type { LimitsSnapshot } from '../../config/snapshot.ts';
import { bucketSize, type LimitMemory, sumOver } from './limit-memory.ts';
import { sourceOf } from './source-of.ts';

/** Instead of an entry's number. */
export const refused = -1;
export const tableFull = -2;

/** Instead of the tag of an entry that is being taken away. An entry that was ever in use has never 0 again. */
const leaving = 1;
const lowestTag = 2;

/** Some 100 µs. Who holds a lock for longer has lost its core, or has died. */
const lockAttempts = 2_000;

type Settings = Pick<LimitsSnapshot, 'maxConnectionsPerSource' | 'newConnectionsPerSource'>;

/**
 * What each source has, over all processes: connections by process, and a token bucket, in a table of fixed size.
 *
 * An entry belongs to a source while it has connections or its bucket is not full. Whoever has a connection in it
 * keeps it there, so what most connections need takes no lock. Only where a source finds each of its bucket's eight
 * entries given away, the bucket is locked, and the one without connections whose tokens are back soonest goes.
 * That errs on the side of letting in, and only helps a client that can come from thousands of other addresses in
 * between, which such a limit cannot stop anyway. A source that finds eight others with connections has no room.
 *
 * Of a source that is not a tag's 32 bits and its bucket's number are kept: two in a billion share their limits.
 */
export class SharedSources {
  readonly #memory: LimitMemory;
  readonly #row: number;
  /** From this process's `performance.now` to the monotonic clock that all of them have. */
  readonly #clockOffsetMs: number;
  readonly #buckets: number;
  #maxConnections = Number.POSITIVE_INFINITY;
  #tokenNs: number | undefined;
  /** That a whole bucket takes to fill. */
  #fillNs = 0;
  // What `#hash` found last.
  #tag = 0;
  #bucket = 0;

  constructor(memory: LimitMemory, row: number, clockOffsetMs = monotonicOffsetMs()) {
    this.#memory = memory;
    this.#row = row;
    this.#clockOffsetMs = clockOffsetMs;
    this.#buckets = memory.sources / bucketSize;
  }

  configure({ maxConnectionsPerSource, newConnectionsPerSource }: Settings): void {
    this.#maxConnections = maxConnectionsPerSource ?? Number.POSITIVE_INFINITY;
    const rate = newConnectionsPerSource;
    this.#fillNs = (rate?.perMs ?? 0) * 1e6;
    // Rounded down: a whole burst fits in the time that it is for.
    this.#tokenNs = rate && Math.floor(this.#fillNs / rate.count);
  }

  /** The entry that the connection counts in, `refused`, or `tableFull`. `nowMs`: of `performance.now`. */
  accept(address: string, nowMs: number): number {
    const nowNs = Math.round((nowMs + this.#clockOffsetMs) * 1e6);
    this.#hash(sourceOf(address));
    const entry = this.#join() ?? this.#settle() ?? this.#claim(nowNs);
    if (entry === undefined) return tableFull;
    if (this.#total(entry) <= this.#maxConnections && this.#takeToken(entry, nowNs)) return entry;
    this.ended(entry);
    return refused;
  }

  ended(entry: number): void {
    const at = this.#cell(entry);
    Atomics.store(this.#memory.connections, at, (this.#memory.connections[at] ?? 0) - 1);
  }

  /** Counts a connection in the source's entry, where there is one. */
  #join(): number | undefined {
    const { tags, connections } = this.#memory;
    const first = this.#bucket * bucketSize;
    for (let entry = first; entry < first + bucketSize; entry += 1) {
      if (tags[entry] !== this.#tag) continue;
      const at = this.#cell(entry);
      const before = connections[at] ?? 0;
      Atomics.store(connections, at, before + 1);
      // Whoever wants to take an entry away says so first, and then looks whether somebody has come in.
      if (Atomics.load(tags, entry) === this.#tag) return entry;
      Atomics.store(connections, at, before);
    }
    return undefined;
  }

  /** Gives the source the bucket's first entry that never was anybody's. All take them in this order, so none has two. */
  #settle(): number | undefined {
    const { tags } = this.#memory;
    this.#memory.noteSource();
    const first = this.#bucket * bucketSize;
    for (let entry = first; entry < first + bucketSize; entry += 1) {
      const before = Atomics.compareExchange(tags, entry, 0, this.#tag);
      if (before === 0 || before === this.#tag) return this.#join();
    }
    return undefined;
  }

  /** Gives the source the entry of another, with a first connection; undefined: there is none, or no lock to be had. */
  #claim(nowNs: number): number | undefined {
    if (!this.#lock(this.#bucket)) return undefined;
    try {
      return this.#join() ?? this.#takeEntry(nowNs);
    } finally {
      Atomics.store(this.#memory.locks, this.#bucket, 0);
    }
  }

  #lock(bucket: number): boolean {
    for (let attempt = 0; attempt < lockAttempts; attempt += 1)
      if (Atomics.compareExchange(this.#memory.locks, bucket, 0, this.#row + 1) === 0) return true;
    return false;
  }

  #takeEntry(nowNs: number): number | undefined {
    const { tags, fullAtNs, connections } = this.#memory;
    const entry = this.#leastMissed(nowNs);
    if (entry === undefined) return undefined;
    const before = tags[entry] ?? 0;
    Atomics.store(tags, entry, leaving);
    if (this.#total(entry) !== 0) {
      // Somebody has just come in.
      Atomics.store(tags, entry, before);
      return undefined;
    }
    // In an order that leaves nothing half done for others, should this process die in between.
    Atomics.store(fullAtNs, entry, 0n);
    Atomics.store(tags, entry, this.#tag);
    Atomics.store(connections, this.#cell(entry), 1);
    return entry;
  }

  /** Of the locked bucket: the entry without connections whose tokens are back soonest. */
  #leastMissed(nowNs: number): number | undefined {
    const first = this.#bucket * bucketSize;
    let best: number | undefined;
    let bestFullAtNs = Number.POSITIVE_INFINITY;
    for (let entry = first; entry < first + bucketSize; entry += 1) {
      if (this.#total(entry) !== 0) continue;
      const fullAtNs = Math.max(Number(this.#memory.fullAtNs[entry]), nowNs);
      if (fullAtNs >= bestFullAtNs) continue;
      best = entry;
      bestFullAtNs = fullAtNs;
    }
    return best;
  }

  /** The generic cell rate algorithm: a bucket is told by when it will be full. */
  #takeToken(entry: number, nowNs: number): boolean {
    if (this.#tokenNs === undefined) return true;
    const { fullAtNs } = this.#memory;
    for (;;) {
      const before = Atomics.load(fullAtNs, entry);
      // A reload may have made buckets smaller.
      const missingNs = Math.min(Math.max(Number(before) - nowNs, 0), this.#fillNs);
      if (missingNs + this.#tokenNs > this.#fillNs) return false;
      const after = BigInt(nowNs + missingNs + this.#tokenNs);
      if (Atomics.compareExchange(fullAtNs, entry, before, after) === before) return true;
    }
  }

  #total(entry: number): number {
    const { connections, processes, rowsUsed } = this.#memory;
    return sumOver(connections, entry * processes, rowsUsed, this.#row);
  }

  #cell(entry: number): number {
    return entry * this.#memory.processes + this.#row;
  }

  /** MurmurHash3's mixing, over the characters, twice at once. */
  #hash(source: string): void {
    const { 0: tagSeed = 0, 1: bucketSeed = 0 } = this.#memory.seeds;
    let tag = tagSeed;
    let bucket = bucketSeed;
    for (let at = 0; at < source.length; at += 1) {
      const code = Math.imul(source.charCodeAt(at), 0xcc9e2d51);
      tag = mix(tag, code);
      bucket = mix(bucket, ~code);
    }
    this.#tag = Math.max(finish(tag) >>> 0, lowestTag) | 0;
    this.#bucket = (finish(bucket) >>> 0) % this.#buckets;
  }
}

function mix(hash: number, code: number): number {
  const mixed = hash ^ Math.imul((code << 15) | (code >>> 17), 0x1b873593);
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}

function finish(hash: number): number {
  const first = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  const second = Math.imul(first ^ (first >>> 13), 0xc2b2ae35);
  return second ^ (second >>> 16);
}

function monotonicOffsetMs(): number {
  return Number(process.hrtime.bigint()) / 1e6 - performance.now();
}
