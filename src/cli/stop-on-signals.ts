import type { Logger } from 'pino';

/** What can be ended gracefully, and at once. */
export interface Stoppable {
  stop(): Promise<void>;
  abort(): Promise<void>;
}

export interface Stopping {
  /** Resolves when all has ended. */
  readonly done: Promise<'drained' | 'aborted'>;
  /** Does what the first of the signals does, and nothing where one has come; `asked`: by whom, for the log. */
  drain(asked: string): void;
}

/** The first of the signals stops, a second one aborts. */
export function stopOnSignals(
  what: Stoppable,
  log: Logger,
  signals: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT'],
): Stopping {
  let drain = (_asked: string) => {};
  const done = new Promise<'drained' | 'aborted'>((resolve) => {
    let how: 'drained' | 'aborted' | undefined;
    const onSignal = (signal: string) => {
      if (how === 'aborted') return;
      how = how === undefined ? 'drained' : 'aborted';
      log.info({ signal }, how === 'drained' ? 'draining; a second signal ends at once' : 'ending at once');
      const done = how === 'drained' ? what.stop() : what.abort();
      void done.then(() => resolve(how ?? 'drained'));
    };
    for (const signal of signals) process.on(signal, onSignal);
    drain = (asked) => {
      if (how === undefined) onSignal(asked);
    };
  });
  return { done, drain };
}
