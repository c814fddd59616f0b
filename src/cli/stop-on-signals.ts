import type { Logger } from 'pino';

/** What can be ended gracefully, and at once. */
export interface Stoppable {
  stop(): Promise<void>;
  abort(): Promise<void>;
}

/** The first SIGTERM or SIGINT stops, a second one aborts. Resolves when that is done. */
export function stopOnSignals(what: Stoppable, log: Logger): Promise<'drained' | 'aborted'> {
  return new Promise((resolve) => {
    let how: 'drained' | 'aborted' | undefined;
    const onSignal = (signal: NodeJS.Signals) => {
      if (how === 'aborted') return;
      how = how === undefined ? 'drained' : 'aborted';
      log.info({ signal }, how === 'drained' ? 'draining; a second signal ends at once' : 'ending at once');
      const done = how === 'drained' ? what.stop() : what.abort();
      void done.then(() => resolve(how ?? 'drained'));
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}
