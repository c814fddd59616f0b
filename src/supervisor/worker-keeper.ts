import type { Logger } from 'pino';

import type { Snapshot } from '../config/snapshot.ts';
import type { ToWorker } from '../worker/messages.ts';
import type { MetricsBook } from './metrics-book.ts';
import type { Answer, Question } from './pending-answers.ts';
import { RestartBackoff } from './restart-backoff.ts';
import { type WorkerExit, WorkerProcess, type WorkerSetup } from './worker-process.ts';

export type WorkerStart = { readonly ok: true } | { readonly ok: false; readonly problem: string };

/** Who is told which endpoints workers eject. */
export interface EjectionObserver {
  onEjection(worker: number, upstream: string, endpoint: string, why: string | undefined): void;
  /** The worker has gone, and with it what it thought of endpoints. */
  onWorkerGone(worker: number): void;
}

/** A first worker that dies this often without ever being ready never will be. */
const deathsBeforeGivingUp = 3;

/**
 * Keeps one of the workers running: a dead one is replaced by one with the same index, that is with the same sockets,
 * so that what waited for the dead one is served.
 */
export class WorkerKeeper {
  readonly index: number;
  readonly #processLog: Logger;
  readonly #setup: () => WorkerSetup;
  readonly #observer: EjectionObserver;
  readonly #book: MetricsBook;
  readonly #backoff = new RestartBackoff();
  /** The current worker, and former ones that drain. */
  readonly #processes = new Set<WorkerProcess>();
  #current: WorkerProcess | undefined;
  #restarts = 0;
  #restartTimer: NodeJS.Timeout | undefined;
  #isEnding = false;
  #settleStart: (start: WorkerStart) => void = () => {};
  #hasBeenReady = false;

  /** `setup` is asked for each new worker. */
  constructor(
    index: number,
    setup: () => WorkerSetup,
    observer: EjectionObserver,
    book: MetricsBook,
    log: Logger,
  ) {
    this.index = index;
    this.#setup = setup;
    this.#observer = observer;
    this.#book = book;
    this.#processLog = log;
  }

  /** Made anew for each line: a child keeps the level that its parent had when it was made. */
  get #log(): Logger {
    return this.#processLog.child({ worker: this.index });
  }

  get pid(): number | undefined {
    return this.#current?.pid;
  }

  get restarts(): number {
    return this.#restarts;
  }

  /** Whether there is one that serves this. */
  serves(snapshot: Snapshot): boolean {
    return this.#current?.isReady === true && this.#current.snapshot === snapshot;
  }

  /** Live connections, those of former workers that drain included, when last asked for. */
  get connections(): number {
    return [...this.#processes].reduce((sum, process) => sum + this.#book.connectionsOf(process), 0);
  }

  /** The worker and former ones that drain; those that do not answer are left out. */
  async ask(question: Question): Promise<Answer[]> {
    const answers = await Promise.all([...this.#processes].map((process) => process.ask(question)));
    return answers.filter((answer) => answer !== undefined);
  }

  /** Resolves when the first worker is ready, or when it is clear that none will be. */
  start(): Promise<WorkerStart> {
    return new Promise((resolve) => {
      this.#settleStart = resolve;
      this.#fork();
    });
  }

  /** Ends the worker, and former ones that drain, and starts no more; may be called again, with less patience. */
  async end(last: ToWorker, patienceMs: number): Promise<void> {
    this.#isEnding = true;
    clearTimeout(this.#restartTimer);
    this.#settleStart({ ok: false, problem: 'stopped before it was ready' });
    await Promise.all([...this.#processes].map((process) => process.end(last, patienceMs)));
  }

  /** Has the worker make ready for another configuration. Why it cannot; one that is missing has nothing against it. */
  async prepare(next: WorkerSetup): Promise<string | undefined> {
    const prepared = await this.#current?.prepare(next);
    return prepared?.ok === false ? `worker ${this.index}: ${prepared.problem}` : undefined;
  }

  /** What the worker was prepared for will not come. */
  stay(): void {
    this.#current?.stay();
  }

  /**
   * Resolves when no worker serves another configuration than this, which new ones must be set up with by now. One
   * that cannot take it over is replaced.
   */
  async switchTo(next: () => WorkerSetup): Promise<void> {
    for (;;) {
      const process = this.#current;
      const setup = next();
      if (this.#isEnding || process === undefined || process.snapshot === setup.configure.snapshot) return;
      if ((await process.switchTo(setup)) || process !== this.#current || this.#isEnding) continue;
      this.#log.error(
        { workerPid: process.pid },
        'worker cannot take over the configuration and is replaced',
      );
      await process.kill();
    }
  }

  /** To the worker and to former ones that drain. */
  send(message: ToWorker): void {
    for (const process of this.#processes) process.send(message);
  }

  #fork(): void {
    const worker = new WorkerProcess(this.#setup(), {
      ready: () => this.#ready(worker),
      failed: (problem) => this.#failed(problem),
      draining: () => this.#draining(worker),
      ejection: (...ejection) => {
        // What a former worker thinks of an endpoint no longer concerns anybody.
        if (worker === this.#current) this.#observer.onEjection(this.index, ...ejection);
      },
      reported: (report) => this.#book.note(worker, report),
      exited: (exit) => this.#exited(worker, exit),
      silent: () => this.#book.close(worker),
    });
    this.#processes.add(worker);
    this.#current = worker;
  }

  #ready(worker: WorkerProcess): void {
    this.#log.info({ workerPid: worker.pid, restarts: this.#restarts }, 'worker ready');
    this.#hasBeenReady = true;
    this.#settleStart({ ok: true });
  }

  #failed(problem: string): void {
    if (this.#hasBeenReady) this.#log.error({ problem }, 'worker cannot serve');
    this.#settleStart({ ok: false, problem });
  }

  #draining(worker: WorkerProcess): void {
    if (this.#isEnding || worker !== this.#current) return;
    this.#log.info({ workerPid: worker.pid }, 'worker drains on a signal of its own and is replaced');
    this.#observer.onWorkerGone(this.index);
    this.#restarts += 1;
    this.#fork();
  }

  #exited(worker: WorkerProcess, { how, livedMs }: WorkerExit): void {
    this.#processes.delete(worker);
    if (worker !== this.#current) return;
    this.#current = undefined;
    this.#observer.onWorkerGone(this.index);
    if (this.#isEnding) return;
    const restartInMs = this.#backoff.delayAfterDeath(livedMs);
    if (!this.#hasBeenReady && this.#backoff.quickDeaths >= deathsBeforeGivingUp) {
      const problem = `worker ${this.index} died ${deathsBeforeGivingUp} times before it was ready (${how})`;
      this.#settleStart({ ok: false, problem });
      return;
    }
    this.#log.error({ workerPid: worker.pid, how, restartInMs }, 'worker died and is replaced');
    this.#restarts += 1;
    this.#restartTimer = setTimeout(() => this.#fork(), restartInMs);
  }
}
