/** How often a worker is asked for a sign of life, and how many questions without an answer show that it is stuck. */
export const beatMs = 1_000;
export const mostMissed = 10;
/** How many more it is given for want of processor time: a loop that never ends looks the same on a busy machine. */
export const mostStarved = 5 * mostMissed;

/** One worker's side of it, as the supervisor sees it. */
export interface Pulse {
  /** Asks for a sign of life. */
  ask(): void;
  /** It has work that may take long, and has patience of its own. */
  isExcused(): boolean;
  /** Whether, since this was last asked, it had little chance to answer, as others had the processor. */
  isStarved(): boolean;
  /** It would be taken for stuck by now if it had the processor to itself. */
  starved(): void;
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
  #starved = 0;

  constructor(pulse: Pulse, periodMs = beatMs) {
    this.#pulse = pulse;
    this.#timer = setInterval(() => this.#beat(), periodMs).unref();
  }

  /** It has given a sign of life. */
  answered(): void {
    this.#missed = this.#starved = 0;
  }

  /** Questions that were not answered so far. */
  get silentBeats(): number {
    return this.#missed + this.#starved;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #beat(): void {
    if (this.#pulse.isExcused()) this.answered();
    if (this.#missed > 0 && this.#starved < mostStarved && this.#pulse.isStarved()) {
      this.#starved += 1;
      if (this.silentBeats === mostMissed + 1) this.#pulse.starved();
      return;
    }
    if (this.#missed >= mostMissed) {
      this.stop();
      this.#pulse.stuck();
      return;
    }
    this.#missed += 1;
    this.#pulse.ask();
  }
}
