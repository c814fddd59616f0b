/** How often a worker is asked for a sign of life, and how many questions without an answer show that it is stuck. */
export const beatMs = 1_000;
export const mostMissed = 10;

/** One worker's side of it, as the supervisor sees it. */
export interface Pulse {
  /** Asks for a sign of life. */
  ask(): void;
  /** It has work that may take long, and has patience of its own. */
  isExcused(): boolean;
  /** It has not answered for so long that it never will. */
  stuck(): void;
}

/**
 * Finds out that a worker's loop is stuck. It counts its own turns, each at least `beatMs` after the one before: time
 * in which the supervisor, or the whole machine, stood still counts for one turn at most, and no worker is blamed for it.
 */
export class Heartbeat {
  readonly #pulse: Pulse;
  readonly #timer: NodeJS.Timeout;
  #missed = 0;

  constructor(pulse: Pulse, periodMs = beatMs) {
    this.#pulse = pulse;
    this.#timer = setInterval(() => this.#beat(), periodMs).unref();
  }

  /** It has given a sign of life. */
  answered(): void {
    this.#missed = 0;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #beat(): void {
    if (this.#pulse.isExcused()) this.#missed = 0;
    if (this.#missed >= mostMissed) {
      this.stop();
      this.#pulse.stuck();
      return;
    }
    this.#missed += 1;
    this.#pulse.ask();
  }
}
