import type { Logger } from 'pino';

/** What can be ended gracefully, and at once. */
export interface Stoppable {
  stop(): Promise<void>;
  abort(): Promise<void>;
}

/** The first of the signals stops, a second one aborts. Resolves when that is done. */
export function stopOnSignals(
  what: Stoppable,
  log: Logger,
  signals: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT'],
): Promise<'drained' | 'aborted'> {
  return new Promise((resolve) => {
    let how: 'drained' | 'aborted' | undefined;
    const onSignal = (signal: NodeJS.Signals) => {
      if (how === 'aborted') return;
      how = how === undefined ? 'drained' : 'aborted';
      log.info({ signal }, how === 'drained' ? 'draining; a second signal ends at once' : 'ending at once');
      const done = how === 'drained' ? what.stop() : what.abort();
      void done.then(() => resolve(how ?? 'drained'));
    };
    for (const signal of signals) process.on(signal, onSignal);
  });
}
