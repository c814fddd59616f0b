/** Things that happened, in order, and who waits for the next of them. */
export class EventQueue<T> {
  readonly #name: string;
  readonly #waiting: ((event: T) => void)[] = [];
  #events: T[] = [];
  #count = 0;

  constructor(name: string) {
    this.#name = name;
  }

  /** How many there have been, those already taken included. */
  get count(): number {
    return this.#count;
  }

  push(event: T): void {
    this.#count++;
    const waiting = this.#waiting.shift();
    if (waiting) waiting(event);
    else this.#events.push(event);
  }

  next(): Promise<T> {
    if (this.#events.length > 0) return Promise.resolve(this.takeNow());
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Throws where nothing has happened yet. */
  takeNow(): T {
    const [first, ...rest] = this.#events;
    if (first === undefined) throw new Error(`no ${this.#name} yet`);
    this.#events = rest;
    return first;
  }
}
