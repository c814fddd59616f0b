/** Steps that must not overlap: each begins once the one before has settled, however it did. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  take<Result>(step: () => Promise<Result>): Promise<Result> {
    const turn = this.#last.then(step);
    this.#last = turn.catch(() => {});
    return turn;
  }
}
