import type { ConnectionRules } from './connection-rules.ts';

/**
 * The rules that connections are decided by: the newest, but for those that were accepted on a listener which has
 * been removed since. These are decided by the last rules that knew it, or a route for that listener alone would be
 * missing from under them.
 */
export class CurrentRules {
  #newest: ConnectionRules;
  /** By the names of removed listeners. */
  readonly #last = new Map<string, ConnectionRules>();

  constructor(rules: ConnectionRules) {
    this.#newest = rules;
  }

  get newest(): ConnectionRules {
    return this.#newest;
  }

  for(listener: string): ConnectionRules {
    if (this.#last.size === 0 || this.#newest.hasListener(listener)) return this.#newest;
    return this.#last.get(listener) ?? this.#newest;
  }

  replace(rules: ConnectionRules): void {
    const before = this.#newest;
    this.#newest = rules;
    for (const [listener, helloTimeoutMs] of before.helloTimeouts) {
      if (rules.hasListener(listener)) continue;
      this.#last.set(listener, before);
      // By then whoever was accepted there has been decided about. Large tables are not kept for longer.
      setTimeout(() => this.#forget(listener, before), Math.min(helloTimeoutMs, longestTimerMs)).unref();
    }
  }

  #forget(listener: string, rules: ConnectionRules): void {
    if (this.#last.get(listener) === rules) this.#last.delete(listener);
  }
}

const longestTimerMs = 2 ** 31 - 1;
