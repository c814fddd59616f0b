/** Draws indices in proportion to weights in O(1): Vose's alias method. O(n) to build. */
export class AliasTable {
  /** Column i gives i below its threshold, its alias above. */
  readonly #thresholds: Float64Array;
  readonly #aliases: Uint32Array;

  /** Weights are above 0. */
  constructor(weights: readonly number[]) {
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    this.#thresholds = Float64Array.from(weights, (weight) => (weight * weights.length) / total);
    this.#aliases = new Uint32Array(weights.length);
    this.#fillColumns();
  }

  /** `random` gives numbers from 0 up to, not including, 1. Without any weights the index is 0. */
  draw(random: () => number): number {
    const column = Math.floor(random() * this.#aliases.length);
    return random() < (this.#thresholds[column] ?? 1) ? column : (this.#aliases[column] ?? 0);
  }

  /** Every column is one average weight high: what is left over of the large fills up the small. */
  #fillColumns(): void {
    const thresholds = this.#thresholds;
    const small: number[] = [];
    const large: number[] = [];
    thresholds.forEach((height, column) => {
      (height < 1 ? small : large).push(column);
    });
    for (
      let least = small.pop(), most = large.at(-1);
      least !== undefined;
      least = small.pop(), most = large.at(-1)
    ) {
      // Only rounding leaves a column short with nothing left over: it counts as full.
      if (most === undefined) {
        thresholds[least] = 1;
        continue;
      }
      this.#aliases[least] = most;
      const left = (thresholds[most] ?? 0) - (1 - (thresholds[least] ?? 0));
      thresholds[most] = left;
      if (left < 1) {
        large.pop();
        small.push(most);
      }
    }
  }
}
