import { type ToPredecessor, toSuccessor } from './messages.ts';

/** The proxy whose place this one takes. */
export class Predecessor {
  /** Resolves when this process is to accept alone: the one before says so, or is gone. */
  readonly left: Promise<void>;

  constructor() {
    this.left = new Promise((resolve) => {
      process.once('disconnect', () => resolve());
      process.on('message', (message: unknown) => {
        if (toSuccessor.safeParse(message).success) resolve();
      });
    });
  }

  /** This process serves, and goes on with these descriptors. */
  ready(kept: readonly number[]): Promise<void> {
    return tell({ kind: 'ready', kept: [...kept] });
  }

  /** This process will not serve: the one before stays. Only what is said first counts. */
  failed(problems: readonly string[]): Promise<void> {
    return tell({ kind: 'failed', problems: [...problems] });
  }
}

function tell(message: ToPredecessor): Promise<void> {
  return new Promise((resolve) => {
    // Whoever cannot be told has gone, which `left` says.
    if (process.connected && process.send) process.send(message, undefined, undefined, () => resolve());
    else resolve();
  });
}
