import { call, tally } from './caller.ts';

/** New connections to a port, each caller's one after the other, until it is closed. */
export class ClosedLoop {
  readonly #answers: string[] = [];
  readonly #callers: readonly Promise<void>[];
  #isOpen = true;

  constructor(port: number, callers = 8) {
    this.#callers = Array.from({ length: callers }, async () => {
      while (this.#isOpen) this.#answers.push(await call(port));
    });
  }

  /** How often each answer came, or each end without one. */
  async close(): Promise<Record<string, number>> {
    this.#isOpen = false;
    await Promise.all(this.#callers);
    return tally(this.#answers);
  }
}
