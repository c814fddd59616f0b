/** The longest delay setTimeout takes; a longer one would fire at once. */
const maxDelayMs = 2 ** 31 - 1;

/**
 * A connection's only timer, for one deadline at a time: the hello's, then each dial's, then forwarding's. A deadline
 * past `maxDelayMs` fires early, so whoever arms one compares clocks in `onExpired`.
 */
export class PortableTimer {
  #timer: NodeJS.Timeout | undefined;

  /** Takes the place of what was armed before. */
  arm(delayMs: number, onExpired: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(onExpired, Math.min(Math.ceil(delayMs), maxDelayMs));
  }

  disarm(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
