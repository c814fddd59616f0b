import type { DataPlane } from '../data-plane/data-plane.ts';

/** How often a draining worker looks whether its last connection has ended: no cost while it serves. */
const pollMs = 20;
/** The last part of the time, in which what is still live is reset little by little, and the most that this takes. */
const resetShare = 0.1;
const longestResetMs = 10_000;

type DrainedPlane = Pick<DataPlane, 'connectionCount' | 'isIdle' | 'connections' | 'abort'>;

/**
 * The end of a worker's connections: they have `timeoutMs` to end by themselves. Those that do not are reset in its last
 * tenth, spread evenly, so that not all of their clients come back in the same instant.
 */
export class Draining {
  readonly #plane: DrainedPlane;
  readonly #endsAt: number;
  readonly #resetMs: number;
  readonly #done: () => void;
  readonly #now: () => number;
  readonly #timer: NodeJS.Timeout;

  /** `done`: no connection is left, nor a refused client that has not seen the end, or the time is up. */
  constructor(plane: DrainedPlane, timeoutMs: number, done: () => void, now = () => performance.now()) {
    this.#plane = plane;
    this.#now = now;
    this.#endsAt = now() + timeoutMs;
    this.#resetMs = Math.min(timeoutMs * resetShare, longestResetMs);
    this.#done = done;
    this.#timer = setInterval(() => this.#look(), pollMs);
    this.#look();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const leftMs = this.#endsAt - this.#now();
    if (leftMs <= 0 || this.#plane.isIdle) {
      this.stop();
      this.#done();
    } else if (leftMs < this.#resetMs) this.#resetSome(Math.ceil(leftMs / pollMs));
  }

  /** So many that as many remain for each of the turns that remain. */
  #resetSome(turnsLeft: number): void {
    let count = Math.floor(this.#plane.connectionCount / turnsLeft);
    if (count === 0) return;
    for (const connection of this.#plane.connections()) {
      this.#plane.abort(connection, 'drained');
      if (--count === 0) return;
    }
  }
}
