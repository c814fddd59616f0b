/** Lets at most `count` pieces of work run at once; the others wait in the order they came. */
export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) {
      this.#free -= 1;
    } else {
      await new Promise<void>((admitted) => this.#waiting.push(admitted));
    }
    try {
      return await work();
    } finally {
      this.#handOn();
    }
  }

  /** A slot goes straight to whoever waits longest, so that nobody who comes later can take it first. */
  #handOn(): void {
    const next = this.#waiting.shift();
    if (next === undefined) {
      this.#free += 1;
    } else {
      next();
    }
  }
}
