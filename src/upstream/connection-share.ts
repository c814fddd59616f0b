import type { SharedCount } from './limits/shared-count.ts';

/**
 * Counts a worker's connections, and keeps them within a limit: together with all other workers where there is a count
 * that they share, else within the part of it that is this worker's.
 */
export class ConnectionShare {
  #limit: number;
  #shared: SharedCount | undefined;
  #inUse = 0;

  /** Infinity: no limit. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get inUse(): number {
    return this.#inUse;
  }

  /** A smaller limit ends no connection: nothing is acquired until enough have been released. */
  configure(limit: number, shared: SharedCount | undefined): void {
    this.#limit = limit;
    if (shared === this.#shared) return;
    shared?.hold(this.#inUse);
    this.#shared?.hold(0);
    this.#shared = shared;
  }

  tryAcquire(): boolean {
    const wanted = this.#inUse + 1;
    const isHeld = this.#shared ? this.#shared.tryHold(wanted, this.#limit) : wanted <= this.#limit;
    if (isHeld) this.#inUse = wanted;
    return isHeld;
  }

  /** Once for each successful `tryAcquire`. */
  release(): void {
    if (this.#inUse === 0) throw new Error('released a connection that was not acquired');
    this.#inUse -= 1;
    this.#shared?.hold(this.#inUse);
  }
}
