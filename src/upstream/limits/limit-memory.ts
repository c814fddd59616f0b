/** The place of each number in the header. */
const header = { processes: 0, columns: 1, sources: 2, rowsUsed: 3, seed: 4, sourcesSeen: 6 } as const;
const headerWords = 16;

/** Sources that hash to one bucket: as many are kept. */
export const bucketSize = 8;

/** Columns of `counts` that are no upstream's. They stand side by side, as `native/shared_count.h` has it. */
export const column = { live: 0, waiting: 1, firstUpstream: 2 } as const;

export interface LimitLayout {
  /** How many processes can have a row at the same time. */
  readonly processes: number;
  readonly columns: number;
  /** A multiple of `bucketSize`. */
  readonly sources: number;
}

/**
 * Memory that the processes of one proxy share to keep its limits: what each holds stands in a row of its own, which
 * nobody else adds to, so that a process that dies takes nothing with it: its row is zeroed. Pages cost nothing until
 * somebody writes to them, so it can be generous.
 *
 * `Atomics` on memory that is not a SharedArrayBuffer are atomic in V8, if not by the letter of the language:
 * `test/upstream/limits/processes.test.ts` would notice.
 */
export class LimitMemory {
  readonly processes: number;
  readonly columns: number;
  readonly sources: number;
  /** Two secrets, so that nobody can say which sources meet in a bucket. */
  readonly seeds: Int32Array;
  /** By column, then by row. */
  readonly counts: Int32Array;
  /** Of each bucket: 1 + the row of who is putting a source into it. */
  readonly locks: Int32Array;
  /** Of each source: what it is known by; 0: it has never been in use. */
  readonly tags: Int32Array;
  /** Of each source: when its token bucket is full again, in nanoseconds of the system's monotonic clock. */
  readonly fullAtNs: BigInt64Array;
  /** Of each source, by row: live connections. */
  readonly connections: Int32Array;
  readonly #header: Int32Array;

  /** `buffer`: what `initialize` has seen to. */
  constructor(buffer: ArrayBufferLike) {
    this.#header = new Int32Array(buffer, 0, headerWords);
    const { [header.processes]: processes = 0, [header.columns]: columns = 0 } = this.#header;
    const sources = this.#header[header.sources] ?? 0;
    this.processes = processes;
    this.columns = columns;
    this.sources = sources;
    this.seeds = this.#header.subarray(header.seed, header.seed + 2);
    const words = wordsOf({ processes, columns, sources });
    let offset = headerWords * 4;
    const next = (count: number) => {
      const at = offset;
      offset += count * 4;
      return at;
    };
    this.fullAtNs = new BigInt64Array(buffer, next(words.fullAt), sources);
    this.counts = new Int32Array(buffer, next(words.counts), words.counts);
    this.locks = new Int32Array(buffer, next(words.locks), words.locks);
    this.tags = new Int32Array(buffer, next(words.tags), words.tags);
    this.connections = new Int32Array(buffer, next(words.connections), words.connections);
  }

  /** Bytes. */
  static sizeOf(layout: LimitLayout): number {
    return Object.values(wordsOf(layout)).reduce((sum, words) => sum + words, headerWords) * 4;
  }

  /** Of memory that is all zero and as large as `sizeOf` says. */
  static initialize(
    buffer: ArrayBufferLike,
    layout: LimitLayout,
    seeds: readonly [number, number],
  ): LimitMemory {
    const words = new Int32Array(buffer, 0, headerWords);
    words[header.processes] = layout.processes;
    words[header.columns] = layout.columns;
    words[header.sources] = layout.sources;
    words.set(seeds, header.seed);
    return new LimitMemory(buffer);
  }

  /** No row from this one on has been in use: sums need not go further. */
  get rowsUsed(): number {
    return this.#header[header.rowsUsed] ?? 0;
  }

  /** To be called before a process has its row. */
  useRow(row: number): void {
    if (row >= this.rowsUsed) Atomics.store(this.#header, header.rowsUsed, row + 1);
  }

  noteSource(): void {
    if (this.#header[header.sourcesSeen] === 0) this.#header[header.sourcesSeen] = 1;
  }

  /** Takes out what a process held that has gone. `columnsUsed`: none from this one on has been. */
  clearRow(row: number, columnsUsed: number): void {
    for (let at = 0; at < columnsUsed; at += 1) Atomics.store(this.counts, at * this.processes + row, 0);
    if (this.#header[header.sourcesSeen] === 0) return;
    for (let source = 0; source < this.sources; source += 1) {
      const at = source * this.processes + row;
      if (this.tags[source] !== 0 && this.connections[at] !== 0) Atomics.store(this.connections, at, 0);
    }
    for (let bucket = 0; bucket < this.locks.length; bucket += 1)
      Atomics.compareExchange(this.locks, bucket, row + 1, 0);
  }
}

function wordsOf({ processes, columns, sources }: LimitLayout) {
  return {
    fullAt: sources * 2,
    counts: columns * processes,
    locks: sources / bucketSize,
    tags: sources,
    connections: sources * processes,
  };
}

/**
 * What the processes hold together, as far as it concerns who has just written `own` of `cells` (at `from`): of two
 * that write and then sum, one at least sees what the other has written.
 */
export function sumOver(cells: Int32Array, from: number, rows: number, own: number): number {
  // Plain reads are many times cheaper, and this one keeps them from coming before the write.
  Atomics.load(cells, from + own);
  let sum = 0;
  for (let at = from; at < from + rows; at += 1) sum += cells[at] ?? 0;
  return sum;
}
