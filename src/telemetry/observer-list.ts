import type { ConnectionObserver, ConnectionSummary } from './connection-summary.ts';

/** Several observers as one. */
export class ObserverList implements ConnectionObserver {
  readonly #observers: readonly ConnectionObserver[];

  constructor(observers: readonly ConnectionObserver[]) {
    this.#observers = observers;
  }

  get wantsProfile(): boolean {
    return this.#observers.some(({ wantsProfile }) => wantsProfile);
  }

  helloRead(features: number, wireBytes: number): void {
    for (const observer of this.#observers) observer.helloRead?.(features, wireBytes);
  }

  dialFailed(upstream: string, endpoint: string, code: string): void {
    for (const observer of this.#observers) observer.dialFailed?.(upstream, endpoint, code);
  }

  ended(summary: ConnectionSummary): void {
    for (const observer of this.#observers) observer.ended(summary);
  }
}
