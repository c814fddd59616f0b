/**
 * Keeps a worker's connections within its share of a limit on the whole proxy. Workers don't ask each other, so a
 * limit is divided among them: together they never exceed it, though one may refuse while another has room.
 */
export class ConnectionShare {
  #share: number;
  #inUse = 0;

  /** Infinity: no limit. */
  constructor(share: number) {
    this.#share = share;
  }

  get inUse(): number {
    return this.#inUse;
  }

  /** A smaller share ends no connection: nothing is acquired until enough have been released. */
  resize(share: number): void {
    this.#share = share;
  }

  tryAcquire(): boolean {
    if (this.#inUse >= this.#share) return false;
    this.#inUse += 1;
    return true;
  }

  /** Once for each successful `tryAcquire`. */
  release(): void {
    if (this.#inUse === 0) throw new Error('released a connection that was not acquired');
    this.#inUse -= 1;
  }
}
