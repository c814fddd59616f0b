import type { ToSupervisor, ToWorker } from '../worker/messages.ts';

/** What a worker can be asked, without the number that its answer carries. */
export type Question =
  | Omit<ToWorker & { readonly kind: 'report-metrics' }, 'request'>
  | Omit<ToWorker & { readonly kind: 'report-connections' }, 'request'>
  | Omit<ToWorker & { readonly kind: 'prepare' }, 'request'>
  | Omit<ToWorker & { readonly kind: 'switch' }, 'request'>;
export type Answer = ToSupervisor & { readonly kind: 'metrics' | 'connections' | 'prepared' | 'switched' };

/** A worker that has not answered by then is busy or stuck, and is not waited for. */
const defaultPatienceMs = 1_000;

/** The questions to one worker that have not been answered yet. */
export class PendingAnswers {
  readonly #waiting = new Map<number, (answer: Answer | undefined) => void>();
  #lastRequest = 0;

  /** Resolves with undefined where no answer comes. */
  ask(send: (request: number) => void, patienceMs = defaultPatienceMs): Promise<Answer | undefined> {
    const request = ++this.#lastRequest;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#settle(request, undefined), patienceMs);
      this.#waiting.set(request, (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
      send(request);
    });
  }

  receive(answer: Answer): void {
    if (answer.request !== undefined) this.#settle(answer.request, answer);
  }

  /** The worker has gone. */
  giveUp(): void {
    for (const request of [...this.#waiting.keys()]) this.#settle(request, undefined);
  }

  #settle(request: number, answer: Answer | undefined): void {
    const settle = this.#waiting.get(request);
    this.#waiting.delete(request);
    settle?.(answer);
  }
}
