import cluster, { type Worker } from 'node:cluster';

import type { MetricsReport } from '../telemetry/metrics-report.ts';
import { isToSupervisor, type ToWorker } from '../worker/messages.ts';
import type { BoundSocket } from './bound-socket.ts';
import { type Answer, PendingAnswers, type Question } from './pending-answers.ts';

/** What one worker needs to serve, in the order it is sent. */
export interface WorkerSetup {
  readonly configure: ToWorker & { readonly kind: 'configure' };
  /** What is known of the upstreams when the worker is ready to hear it; later changes follow as they come. */
  upstreams(): Iterable<ToWorker>;
  readonly sockets: Iterable<[listener: string, socket: BoundSocket]>;
}

/** What the supervisor hears of one worker. `exited` and `silent` come once, in any order. */
export interface WorkerObserver {
  ready(): void;
  failed(problem: string): void;
  draining(): void;
  ejection(upstream: string, endpoint: string, why: string | undefined): void;
  reported(report: MetricsReport): void;
  exited(exit: WorkerExit): void;
  /** Whatever it had still to say has been heard. */
  silent(): void;
}

export interface WorkerExit {
  /** `exit code 1`, `SIGKILL`. */
  readonly how: string;
  readonly livedMs: number;
}

/** A worker that is not ready by then is taken for stuck. Generous: a million routes take a while to compile. */
const startTimeoutMs = 120_000;

/** One worker as the supervisor sees it, from fork to exit. */
export class WorkerProcess {
  readonly #worker: Worker;
  readonly #setup: WorkerSetup;
  readonly #observer: WorkerObserver;
  readonly #forkedAt = performance.now();
  readonly #startTimer: NodeJS.Timeout;
  readonly #exited: Promise<void>;
  readonly #answers = new PendingAnswers();
  #hasStarted = false;
  #isReady = false;
  #isEnding = false;

  /** `cluster.setupPrimary` must have been called. */
  constructor(setup: WorkerSetup, observer: WorkerObserver) {
    this.#setup = setup;
    this.#observer = observer;
    this.#worker = cluster.fork();
    this.#worker.on('message', (message: unknown) => this.#receive(message));
    this.#worker.once('disconnect', () => {
      this.#answers.giveUp();
      this.#observer.silent();
    });
    this.#exited = new Promise((resolve) => {
      const finish = (how: string) => {
        clearTimeout(this.#startTimer);
        this.#observer.exited({ how, livedMs: performance.now() - this.#forkedAt });
        resolve();
      };
      this.#worker.once('exit', (code, signal) => finish(signal ?? `exit code ${code}`));
      // A process that could not be made has no exit; other errors are about messages to one that has gone.
      this.#worker.on('error', (error) => {
        if (this.#worker.process.pid === undefined) finish(error.message);
      });
    });
    this.#startTimer = setTimeout(() => this.#kill(), startTimeoutMs);
  }

  get pid(): number | undefined {
    return this.#worker.process.pid;
  }

  /** It accepts connections on every listener, or has done so. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** Undefined where it is not ready yet, has gone, or takes too long. */
  async ask(question: Question): Promise<Answer | undefined> {
    if (!this.#isReady || !this.#worker.isConnected()) return undefined;
    return this.#answers.ask((request) => this.send({ ...question, request }));
  }

  /** Sends `last` and waits for the end; one that takes longer than `patienceMs` is killed. */
  async end(last: ToWorker, patienceMs: number): Promise<void> {
    this.#isEnding = true;
    // It has no connection yet, and nobody to hear a message.
    if (!this.#hasStarted) this.#kill();
    this.send(last);
    const killTimer = setTimeout(() => this.#kill(), patienceMs);
    await this.#exited;
    clearTimeout(killTimer);
  }

  #receive(message: unknown): void {
    if (!isToSupervisor(message)) return;
    if (message.kind === 'metrics') this.#observer.reported(message.report);
    if (message.kind === 'metrics' || message.kind === 'connections') this.#answers.receive(message);
    // The sockets that a starting worker would get may be closed by now.
    if (this.#isEnding) return;
    switch (message.kind) {
      case 'started':
        this.#hasStarted = true;
        this.#setUp();
        break;
      case 'ready':
        clearTimeout(this.#startTimer);
        this.#isReady = true;
        this.#observer.ready();
        break;
      case 'failed':
        this.#observer.failed(message.problem);
        break;
      case 'draining':
        this.#observer.draining();
        break;
      case 'ejection':
        this.#observer.ejection(message.upstream, message.endpoint, message.why);
        break;
    }
  }

  #setUp(): void {
    this.send(this.#setup.configure);
    for (const message of this.#setup.upstreams()) this.send(message);
    for (const [listener, socket] of this.#setup.sockets) {
      socket.sendTo(this.#worker, { kind: 'socket', listener }, ignoreGone);
    }
    this.send({ kind: 'serve' });
  }

  /** Does nothing when it has gone. */
  send(message: ToWorker): void {
    if (this.#worker.isConnected()) this.#worker.send(message, ignoreGone);
  }

  #kill(): void {
    this.#worker.process.kill('SIGKILL');
  }
}

/** A worker that cannot be reached is one whose exit is about to be told. */
function ignoreGone(): void {}
