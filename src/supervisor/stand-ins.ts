import type { BoundSocket } from './bound-socket.ts';
import type { WorkerProcess, WorkerSetup } from './worker-process.ts';

type StandInProcess = Pick<WorkerProcess, 'send' | 'standIn'>;

/** A worker that accepts. */
export interface AcceptingWorker {
  readonly index: number;
  readonly process: StandInProcess;
}

/** A worker is missing for long where its place stays empty for longer than a start takes. */
export const longAbsenceMs = 1_000;

/**
 * While a worker is missing for long, another accepts from its sockets, too: the kernel goes on dealing connections to
 * them.
 */
export class StandIns {
  readonly #accepting: () => readonly AcceptingWorker[];
  readonly #socketsOf: (workerIndex: number) => WorkerSetup['sockets'];
  /** Who stands in for each that is missing; undefined: nobody yet. */
  readonly #missing = new Map<number, StandInProcess | undefined>();

  constructor(
    accepting: () => readonly AcceptingWorker[],
    socketsOf: (workerIndex: number) => WorkerSetup['sockets'],
  ) {
    this.#accepting = accepting;
    this.#socketsOf = socketsOf;
  }

  /** It has gone, and will not be back soon. */
  missing(workerIndex: number): void {
    this.#missing.set(workerIndex, undefined);
    this.arrange();
  }

  /** It accepts. */
  back(workerIndex: number): void {
    this.#missing.get(workerIndex)?.send({ kind: 'stand-down', workerIndex });
    this.#missing.delete(workerIndex);
    this.arrange();
  }

  /** All workers have a new configuration, and no longer stand in for anybody. */
  renew(): void {
    for (const workerIndex of this.#missing.keys()) this.#missing.set(workerIndex, undefined);
    this.arrange();
  }

  /** To be called when another worker begins or ends to accept. */
  arrange(): void {
    const accepting = this.#accepting();
    for (const [workerIndex, standIn] of this.#missing) {
      if (accepting.some(({ process }) => process === standIn)) continue;
      const next = accepting[workerIndex % accepting.length];
      next?.process.standIn(workerIndex, this.#socketsBeside(next.index, workerIndex));
      this.#missing.set(workerIndex, next?.process);
    }
  }

  /** Those of the other worker that this one does not have. */
  *#socketsBeside(own: number, other: number): Generator<[listener: string, socket: BoundSocket]> {
    const known = new Map(this.#socketsOf(own));
    for (const [listener, socket] of this.#socketsOf(other)) {
      if (known.get(listener) !== socket) yield [listener, socket];
    }
  }
}
