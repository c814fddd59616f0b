import { type LimitMemory, sumOver } from './limit-memory.ts';

/** What one process holds of something that all of them count: `native/shared_count.h` is the same in C++. */
export class SharedCount {
  readonly #memory: LimitMemory;
  readonly #from: number;
  readonly #own: number;

  constructor(memory: LimitMemory, column: number, row: number) {
    this.#memory = memory;
    this.#from = column * memory.processes;
    this.#own = row;
  }

  /** What all of them hold. */
  get total(): number {
    return sumOver(this.#memory.counts, this.#from, this.#memory.rowsUsed, this.#own);
  }

  /** Says that this process holds so many now. */
  hold(held: number): void {
    Atomics.store(this.#memory.counts, this.#from + this.#own, held);
  }

  /**
   * The same, unless all of them would then hold more than `limit`: nothing has changed where it is false. Two that
   * try for the last one in the same moment may both fail.
   */
  tryHold(held: number, limit: number): boolean {
    const before = this.#memory.counts[this.#from + this.#own] ?? 0;
    this.hold(held);
    if (this.total <= limit) return true;
    this.hold(before);
    return false;
  }
}
