/** A worker that lived this long was not part of a row of quick deaths. */
const longLifeMs = 10_000;
const firstDelayMs = 100;
const longestDelayMs = 10_000;

/** How long to wait before a dead worker is replaced: not at all the first time, then twice as long each time. */
export class RestartBackoff {
  #quickDeaths = 0;

  /** Deaths in a row, each soon after the start. */
  get quickDeaths(): number {
    return this.#quickDeaths;
  }

  /** Told of each death; the milliseconds to wait. */
  delayAfterDeath(livedMs: number): number {
    if (livedMs >= longLifeMs) this.#quickDeaths = 0;
    const delayMs = this.#quickDeaths === 0 ? 0 : firstDelayMs * 2 ** (this.#quickDeaths - 1);
    this.#quickDeaths += 1;
    return Math.min(delayMs, longestDelayMs);
  }
}
