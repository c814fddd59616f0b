import type { SharedLimit } from '../../data-plane/data-plane.ts';
import { column, type LimitMemory } from './limit-memory.ts';
import { SharedCount } from './shared-count.ts';

/** A limit on the connections of the whole proxy, as one of its processes keeps it. */
export class LiveLimit implements SharedLimit {
  readonly cells: Int32Array;
  readonly own: number;
  readonly limit: number;
  readonly #memory: LimitMemory;
  readonly #live: SharedCount;

  constructor(memory: LimitMemory, row: number, limit: number) {
    this.cells = memory.counts.subarray(0, column.firstUpstream * memory.processes);
    this.own = row;
    this.limit = Math.min(limit, 2 ** 31 - 1);
    this.#memory = memory;
    this.#live = new SharedCount(memory, column.live, row);
  }

  get doOthersWait(): boolean {
    const from = column.waiting * this.#memory.processes;
    for (let row = 0; row < this.#memory.rowsUsed; row += 1)
      if (row !== this.own && Atomics.load(this.#memory.counts, from + row) !== 0) return true;
    return false;
  }

  tryHold(held: number): boolean {
    return this.#live.tryHold(held, this.limit);
  }

  hold(held: number): void {
    this.#live.hold(held);
  }

  setWaiting(isWaiting: boolean): void {
    Atomics.store(this.#memory.counts, column.waiting * this.#memory.processes + this.own, isWaiting ? 1 : 0);
  }
}
