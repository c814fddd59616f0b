import type { TallyData } from './tally.ts';

const firstCapacity = 64;

/**
 * What tallies of one kind have counted together. Rows are known by their labels' text and stay, in numbers that lie side
 * by side: ten thousand are added up or read by code that has never run before, too.
 */
export class TallySum {
  readonly width: number;
  /** Where each row begins, by its labels. */
  readonly #places = new Map<string, number>();
  readonly #labels: string[] = [];
  #values: Float64Array;
  #lasting: Float64Array;
  /** The places of label texts that were added since `reset`, and of those before it: senders repeat themselves. */
  #known = new Map<string, Int32Array>();
  #knownBefore = this.#known;

  constructor(width: number) {
    this.width = width;
    this.#values = new Float64Array(firstCapacity * width);
    this.#lasting = new Float64Array(firstCapacity * width);
  }

  /** Of each row, as `labelText` has them, in the order in which they came first. */
  get labels(): readonly string[] {
    return this.#labels;
  }

  /** Row after row, `width` numbers each; there may be more than rows. */
  get values(): Float64Array {
    return this.#values;
  }

  /** By steps. */
  *add(data: TallyData): Generator<void> {
    let start = 0;
    for (const labels of data.labels) {
      const places = this.#placesOf(labels);
      addRows(this.#values, places, data, start);
      start += places.length * data.columns.length;
      yield;
    }
  }

  /** Adds what every sum after the next `reset` begins with. */
  addLasting(data: TallyData): void {
    let start = 0;
    for (const labels of data.labels) {
      const places = this.#placesOf(labels);
      addRows(this.#lasting, places, data, start);
      start += places.length * data.columns.length;
    }
  }

  /** Keeps the rows, and of the numbers what lasts. */
  reset(): void {
    this.#values.set(this.#lasting);
    this.#knownBefore = this.#known;
    this.#known = new Map();
  }

  #placesOf(labels: string): Int32Array {
    let places = this.#known.get(labels) ?? this.#knownBefore.get(labels);
    places ??= Int32Array.from(labels.split('\n').map((text) => this.#placeOf(text)));
    this.#known.set(labels, places);
    return places;
  }

  #placeOf(text: string): number {
    let place = this.#places.get(text);
    if (place === undefined) {
      place = this.#labels.length * this.width;
      if (place >= this.#values.length) this.#grow();
      this.#places.set(text, place);
      this.#labels.push(text);
    }
    return place;
  }

  #grow(): void {
    this.#values = doubled(this.#values);
    this.#lasting = doubled(this.#lasting);
  }
}

function addRows(to: Float64Array, places: Int32Array, { columns, values }: TallyData, start: number): void {
  let at = start;
  for (let i = 0; i < places.length; i++) {
    const place = places[i] ?? 0;
    for (let j = 0; j < columns.length; j++) {
      const column = place + (columns[j] ?? 0);
      to[column] = (to[column] ?? 0) + (values[at++] ?? 0);
    }
  }
}

function doubled(numbers: Float64Array): Float64Array {
  const twice = new Float64Array(numbers.length * 2);
  twice.set(numbers);
  return twice;
}
