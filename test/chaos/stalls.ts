const beatMs = 50;
/** Whoever is kept from running this long may have kept the proxy from it, too. */
const leastMs = 250;

/** When this process could not run; times are those of `performance.now`. */
export class Stalls {
  readonly #seen: { readonly from: number; readonly to: number }[] = [];
  readonly #timer: NodeJS.Timeout;
  #last = performance.now();

  constructor() {
    this.#timer = setInterval(() => this.#beat(), beatMs).unref();
  }

  stop(): void {
    this.#beat();
    clearInterval(this.#timer);
  }

  /** How much of that time it stood still. */
  msWithin(from: number, to: number): number {
    return this.#seen.reduce(
      (sum, stall) => sum + Math.max(0, Math.min(to, stall.to) - Math.max(from, stall.from)),
      0,
    );
  }

  get longestMs(): number {
    return this.#seen.reduce((longest, { from, to }) => Math.max(longest, to - from), 0);
  }

  #beat(): void {
    const now = performance.now();
    if (now - this.#last >= leastMs) this.#seen.push({ from: this.#last, to: now });
    this.#last = now;
  }
}
