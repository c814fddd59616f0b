import type { Logger } from 'pino';

import type { Snapshot } from '../config/snapshot.ts';
import type { ToWorker } from '../worker/messages.ts';
import type { MetricsBook } from './metrics-book.ts';
import type { Answer, Question } from './pending-answers.ts';
import { RestartBackoff } from './restart-backoff.ts';
import { type AcceptingWorker, longAbsenceMs, type StandIns } from './stand-ins.ts';
import { adviceOn, deathsOfLoop } from './worker-death.ts';
import type { WorkerExit } from './worker-observer.ts';
import { WorkerProcess, type WorkerSetup } from './worker-process.ts';

export type WorkerStart =
  | { readonly ok: true }
  /** `isTriedAgain`: it dies again and again, and others may be luckier. */
  | { readonly ok: false; readonly problem: string; readonly isTriedAgain: boolean };

/** One worker in another's place, by their process ids. */
export type Replacement =
  | { readonly ok: true; readonly before: number | undefined; readonly now: number | undefined }
  | { readonly ok: false; readonly problem: string };

/** Who is told which endpoints workers eject. */
export interface EjectionObserver {
  onEjection(worker: number, upstream: string, endpoint: string, why: string | undefined): void;
  /** The worker has gone, and with it what it thought of endpoints. */
  onWorkerGone(worker: number): void;
}

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
  readonly #standIns: StandIns;
  readonly #backoff = new RestartBackoff();
  /** The current worker, and former ones that drain. */
  readonly #processes = new Set<WorkerProcess>();
  #current: WorkerProcess | undefined;
  /** Starts, to take the current worker's place. */
  #successor: WorkerProcess | undefined;
  #restarts = 0;
  #restartTimer: NodeJS.Timeout | undefined;
  #isWrappingUp = false;
  #isEnding = false;
  #settleStart: (start: WorkerStart) => void = () => {};
  #hasBeenReady = false;

  /** `setup` is asked for each new worker. */
  constructor(
    index: number,
    setup: () => WorkerSetup,
    observer: EjectionObserver,
    book: MetricsBook,
    standIns: StandIns,
    log: Logger,
  ) {
    this.index = index;
    this.#setup = setup;
    this.#observer = observer;
    this.#book = book;
    this.#standIns = standIns;
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

  get accepting(): AcceptingWorker | undefined {
    const process = this.#current;
    return process?.isReady === true ? { index: this.index, process } : undefined;
  }

  /** Whether there is one that serves this. */
  serves(snapshot: Snapshot): boolean {
    return this.#current?.isReady === true && this.#current.snapshot === snapshot;
  }

  /** Live connections, those of former workers that drain included, when last asked for. */
  get connections(): number {
    return [...this.#processes].reduce((sum, process) => sum + this.#book.connectionsOf(process), 0);
  }

  /** The same, at the last heartbeat. */
  get connectionsAtBeat(): number {
    return [...this.#processes].reduce((sum, { connections }) => sum + connections, 0);
  }

  /** The worker and former ones that drain; those that do not answer are left out. */
  async ask(question: Question): Promise<Answer[]> {
    const answers = await Promise.all([...this.#processes].map((process) => process.ask(question)));
    return answers.filter((answer) => answer !== undefined);
  }

  /** Resolves when the first worker is ready, or when it is clear that none will be soon. */
  start(): Promise<WorkerStart> {
    return new Promise((resolve) => {
      this.#settleStart = resolve;
      this.#current = this.#fork();
    });
  }

  /**
   * Puts a new worker in the place of the present one, which drains once the new one serves. Where the new one cannot,
   * all is as it was.
   */
  async replace(): Promise<Replacement> {
    const former = this.#current;
    if (former === undefined || this.#successor) return notReplaced('it is being replaced anyway');
    if (this.#isWrappingUp) return notReplaced('all workers are about to end');
    const successor = this.#fork();
    this.#successor = successor;
    await successor.settled;
    this.#successor = undefined;
    if (!successor.isReady) return notReplaced(`the new one does not start: ${successor.problem}`);
    // Otherwise it has died meanwhile.
    if (former === this.#current) {
      this.#current = successor;
      this.#observer.onWorkerGone(this.index);
      this.#standIns.arrange();
      void former.drain(former.snapshot.timeouts.drainMs);
    }
    return { ok: true, before: former.pid, now: successor.pid };
  }

  /** All workers are about to end: from here on only a dead one is replaced. */
  wrapUp(): void {
    this.#isWrappingUp = true;
  }

  /** Ends the worker, and former ones that drain, and starts no more; may be called again, with less patience. */
  async end(last: ToWorker, patienceMs: number): Promise<void> {
    this.#isWrappingUp = true;
    this.#isEnding = true;
    clearTimeout(this.#restartTimer);
    this.#settleStart({ ok: false, problem: 'stopped before it was ready', isTriedAgain: false });
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
      const setup = next();
      const { snapshot } = setup;
      const process = this.#serving().find((each) => each.snapshot !== snapshot);
      if (this.#isEnding || process === undefined) return;
      const hasSwitched = await process.switchTo(setup);
      if (hasSwitched || !this.#serving().includes(process) || this.#isEnding) continue;
      this.#log.error(
        { workerPid: process.pid },
        'worker cannot take over the configuration and is replaced',
      );
      await process.kill('cannot take over the configuration');
    }
  }

  /** Those that serve, or are about to: none that drains. */
  #serving(): WorkerProcess[] {
    return [this.#current, this.#successor].filter((process) => process !== undefined);
  }

  /** To the worker and to former ones that drain. */
  send(message: ToWorker): void {
    for (const process of this.#processes) process.send(message);
  }

  #fork(): WorkerProcess {
    const worker = new WorkerProcess(this.#setup(), {
      ready: () => this.#ready(worker),
      failed: (problem) => this.#failed(problem),
      leaving: () => void this.#leaving(worker),
      ejection: (...ejection) => {
        // What a former worker thinks of an endpoint no longer concerns anybody.
        if (worker === this.#current) this.#observer.onEjection(this.index, ...ejection);
      },
      reported: (report) => this.#book.note(worker, report),
      starved: (silentMs) =>
        this.#log.warn({ workerPid: worker.pid, silentMs }, 'worker gets hardly any processor time'),
      stuck: (silentMs) =>
        this.#log.error({ workerPid: worker.pid, silentMs }, 'worker gives no sign of life and is killed'),
      exited: (exit) => this.#exited(worker, exit),
      silent: () => this.#book.close(worker),
    });
    this.#processes.add(worker);
    return worker;
  }

  #ready(worker: WorkerProcess): void {
    this.#log.info({ workerPid: worker.pid, restarts: this.#restarts }, 'worker ready');
    this.#hasBeenReady = true;
    this.#standIns.back(this.index);
    this.#settleStart({ ok: true });
  }

  #failed(problem: string): void {
    if (this.#hasBeenReady) this.#log.error({ problem }, 'worker cannot serve');
    this.#settleStart({ ok: false, problem, isTriedAgain: false });
  }

  async #leaving(worker: WorkerProcess): Promise<void> {
    if (this.#isWrappingUp || worker !== this.#current || this.#successor) return;
    this.#log.info({ workerPid: worker.pid }, 'worker leaves on a signal of its own and is replaced');
    this.#restarts += 1;
    const replacement = await this.replace();
    if (!replacement.ok) this.#log.error({ problem: replacement.problem }, 'worker is not replaced');
  }

  #exited(worker: WorkerProcess, exit: WorkerExit): void {
    this.#processes.delete(worker);
    if (worker !== this.#current) return;
    this.#current = this.#successor;
    this.#observer.onWorkerGone(this.index);
    if (this.#isEnding) return;
    this.#restarts += 1;
    const restartInMs = this.#backoff.delayAfterDeath(exit.livedMs);
    this.#tellDeath(worker.pid, exit.how, restartInMs);
    if (this.#current === undefined && restartInMs > longAbsenceMs) this.#standIns.missing(this.index);
    else this.#standIns.arrange();
    if (this.#current !== undefined) return;
    this.#restartTimer = setTimeout(() => {
      this.#current = this.#fork();
    }, restartInMs);
  }

  #tellDeath(workerPid: number | undefined, how: string, restartInMs: number): void {
    const deaths = this.#backoff.quickDeaths;
    const isLoop = deaths >= deathsOfLoop;
    const facts = { workerPid, how, restartInMs, ...(isLoop && { deaths, advice: adviceOn(how) }) };
    this.#log.error(
      facts,
      isLoop ? 'worker dies again and again soon after its start' : 'worker died and is replaced',
    );
    if (!isLoop || this.#hasBeenReady) return;
    const problem = `worker ${this.index} died ${deaths} times before it was ready (${how}): ${adviceOn(how)}`;
    this.#settleStart({ ok: false, problem, isTriedAgain: true });
  }
}

function notReplaced(problem: string): Replacement {
  return { ok: false, problem };
}
