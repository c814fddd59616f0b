import type { Endpoint } from '../endpoint.ts';

export interface HeapEntry {
  readonly endpoint: Endpoint;
  readonly rank: number;
  readonly turn: number;
}

interface Entry extends HeapEntry {
  rank: number;
  turn: number;
  position: number;
}

/** Endpoints ordered by (rank, turn), least first: O(1) to look at the first, O(log n) to move one. */
export class EndpointHeap {
  readonly #entries: Entry[] = [];
  readonly #byEndpoint = new Map<Endpoint, Entry>();

  clear(): void {
    this.#entries.length = 0;
    this.#byEndpoint.clear();
  }

  find(endpoint: Endpoint): HeapEntry | undefined {
    return this.#byEndpoint.get(endpoint);
  }

  /** Adds an endpoint, or moves it to where it now belongs. */
  place(endpoint: Endpoint, rank: number, turn: number): void {
    let entry = this.#byEndpoint.get(endpoint);
    if (entry === undefined) {
      entry = { endpoint, rank, turn, position: this.#entries.length };
      this.#entries.push(entry);
      this.#byEndpoint.set(endpoint, entry);
    } else {
      entry.rank = rank;
      entry.turn = turn;
    }
    this.#rise(entry);
    this.#sink(entry);
  }

  /** The first that is not among `excluded`, which are few: what one connection has tried. */
  least(excluded: readonly Endpoint[]): HeapEntry | undefined {
    return this.#leastUnder(0, excluded);
  }

  /** Only an excluded entry opens the two subtrees below it, so the search stays near the root. */
  #leastUnder(position: number, excluded: readonly Endpoint[]): Entry | undefined {
    const entry = this.#entries[position];
    if (entry === undefined || !excluded.includes(entry.endpoint)) return entry;
    const left = this.#leastUnder(2 * position + 1, excluded);
    const right = this.#leastUnder(2 * position + 2, excluded);
    if (left === undefined || right === undefined) return left ?? right;
    return isBefore(right, left) ? right : left;
  }

  #rise(entry: Entry): void {
    while (entry.position > 0) {
      const parent = this.#entries[(entry.position - 1) >> 1];
      if (parent === undefined || !isBefore(entry, parent)) return;
      this.#swap(entry, parent);
    }
  }

  #sink(entry: Entry): void {
    for (;;) {
      const left = this.#entries[2 * entry.position + 1];
      if (left === undefined) return;
      const right = this.#entries[2 * entry.position + 2];
      const child = right !== undefined && isBefore(right, left) ? right : left;
      if (!isBefore(child, entry)) return;
      this.#swap(entry, child);
    }
  }

  #swap(one: Entry, other: Entry): void {
    const position = one.position;
    one.position = other.position;
    other.position = position;
    this.#entries[one.position] = one;
    this.#entries[position] = other;
  }
}

function isBefore(one: Entry, other: Entry): boolean {
  return one.rank < other.rank || (one.rank === other.rank && one.turn < other.turn);
}
