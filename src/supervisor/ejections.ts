/** Which endpoints workers have ejected. An endpoint is ejected for all while any worker has it ejected. */
export class Ejections {
  /** By upstream and endpoint: why, by worker. */
  readonly #ejected = new Map<string, Ejected>();

  /** Returns whether the endpoint is ejected now and was not, or the other way round. */
  note(worker: number, upstream: string, endpoint: string, why: string | undefined): boolean {
    const key = keyOf(upstream, endpoint);
    const ejected = this.#ejected.get(key);
    if (why === undefined) {
      if (!ejected?.byWorker.delete(worker) || ejected.byWorker.size > 0) return false;
      this.#ejected.delete(key);
      return true;
    }
    if (ejected) ejected.byWorker.set(worker, why);
    else this.#ejected.set(key, { upstream, endpoint, byWorker: new Map([[worker, why]]) });
    return ejected === undefined;
  }

  /** Undefined: it is not ejected. */
  why(upstream: string, endpoint: string): string | undefined {
    const [why] = this.#ejected.get(keyOf(upstream, endpoint))?.byWorker.values() ?? [];
    return why;
  }

  /** The worker has gone: what it alone had ejected no longer is, and is returned. */
  forget(worker: number): { upstream: string; endpoint: string }[] {
    return [...this.#ejected.values()].filter(({ upstream, endpoint }) =>
      this.note(worker, upstream, endpoint, undefined),
    );
  }
}

interface Ejected {
  readonly upstream: string;
  readonly endpoint: string;
  readonly byWorker: Map<number, string>;
}

function keyOf(upstream: string, endpoint: string): string {
  return `${upstream}\n${endpoint}`;
}
