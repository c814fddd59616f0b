/** Where a run is, on one line of a terminal; elsewhere nothing is said until the end. */
export class Progress {
  readonly #startMs = performance.now();
  #done = 0;

  restart(): void {
    this.#done = 0;
  }

  /** Called before each of `total` steps. */
  step(total: number, what: string): void {
    this.#done++;
    if (!process.stderr.isTTY) return;
    const seconds = Math.round((performance.now() - this.#startMs) / 1000);
    process.stderr.write(`\r\x1b[K${this.#done}/${total}, ${seconds} s: ${what}`);
  }

  clear(): void {
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  }
}
