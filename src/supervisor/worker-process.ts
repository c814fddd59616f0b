import cluster, { type Worker } from 'node:cluster';

import type { Snapshot } from '../config/snapshot.ts';
import { variables } from '../data-plane/process-tuning.ts';
import { isToSupervisor, type ToWorker } from '../worker/messages.ts';
import type { BoundSocket } from './bound-socket.ts';
import { beatMs, Heartbeat } from './heartbeat.ts';
import type { LimitShares } from './limit-shares.ts';
import { type Answer, PendingAnswers, type Question } from './pending-answers.ts';
import { ProcessorWait } from './processor-wait.ts';
import { hasGone, sendRoutes } from './send-routes.ts';
import type { UpstreamMessage } from './upstream-watch.ts';
import type { WorkerObserver } from './worker-observer.ts';

/** What one worker needs to serve, in the order it is sent. */
export interface WorkerSetup {
  /** Its routes go in parts, the rest with `configure`. */
  readonly snapshot: Snapshot;
  readonly configure: ToWorker & { readonly kind: 'configure' };
  /** Where a new process gets its `limitRow`. */
  readonly limits: LimitShares | undefined;
  /** What is known of the upstreams when the worker is ready to hear it; later changes follow as they come. */
  upstreams(): Iterable<UpstreamMessage>;
  readonly sockets: Iterable<[listener: string, socket: BoundSocket]>;
}

/** A worker that is not ready by then is taken for stuck. Generous: a million routes take a while to compile. */
const startTimeoutMs = 120_000;

/** The same for one that is to make ready for another configuration, and to take it over. */
const reloadPatienceMs = 60_000;

/** What a worker gets beyond its time to drain before it is taken for stuck. */
export const drainGraceMs = 5_000;

/** What a worker has said before its exit is read by then. */
const lastMessagesMs = 1_000;

export type Prepared = { readonly ok: true } | { readonly ok: false; readonly problem: string };
const silent: Prepared = { ok: false, problem: `it does not answer within ${reloadPatienceMs / 1000} s` };

/** One worker as the supervisor sees it, from fork to exit. */
export class WorkerProcess {
  readonly #worker: Worker;
  readonly #setup: WorkerSetup;
  readonly #limitRow: number | undefined;
  #snapshot: Snapshot;
  #prepared: Snapshot | undefined;
  readonly #observer: WorkerObserver;
  readonly #forkedAt = performance.now();
  readonly #startTimer: NodeJS.Timeout;
  readonly #exited: Promise<void>;
  readonly #settled: Promise<void>;
  #settle: () => void = () => {};
  readonly #answers = new PendingAnswers();
  #heartbeat: Heartbeat | undefined;
  #connections = 0;
  /** Questions under way that have a patience of their own. */
  #excuses = 0;
  #hasStarted = false;
  #isReady = false;
  #isEnding = false;
  #isSilent = false;
  #killedBecause: string | undefined;
  #problem: string | undefined;

  /** `cluster.setupPrimary` must have been called. */
  constructor(setup: WorkerSetup, observer: WorkerObserver) {
    this.#setup = setup;
    this.#snapshot = setup.snapshot;
    this.#observer = observer;
    this.#limitRow = setup.limits?.enter();
    this.#worker = cluster.fork(variables(setup.configure.plane));
    this.#worker.on('message', (message: unknown) => this.#receive(message));
    this.#worker.once('disconnect', () => this.#fallSilent());
    // Node tells of no disconnection where a socket was on its way: it waits for the word of one that is dead.
    this.#worker.once('exit', () => setTimeout(() => this.#fallSilent(), lastMessagesMs).unref());
    this.#exited = new Promise((resolve) => {
      const finish = (how: string) => {
        clearTimeout(this.#startTimer);
        this.#heartbeat?.stop();
        this.#problem ??= how;
        if (this.#limitRow !== undefined) setup.limits?.leave(this.#limitRow);
        this.#observer.exited({ how, livedMs: performance.now() - this.#forkedAt });
        resolve();
      };
      this.#worker.once('exit', (code, signal) => {
        const how = signal ?? `exit code ${code}`;
        finish(this.#killedBecause === undefined ? how : `${how}: ${this.#killedBecause}`);
      });
      // A process that could not be made has no exit; other errors are about messages to one that has gone.
      this.#worker.on('error', (error) => {
        if (this.#worker.process.pid === undefined) finish(error.message);
      });
    });
    const ready = new Promise<void>((resolve) => {
      this.#settle = resolve;
    });
    this.#settled = Promise.race([ready, this.#exited]);
    this.#startTimer = setTimeout(() => this.#kill('not ready in time'), startTimeoutMs);
  }

  get pid(): number | undefined {
    return this.#worker.process.pid;
  }

  /** It accepts connections on every listener, or has done so. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** Resolves when it is ready or has gone. */
  get settled(): Promise<void> {
    return this.#settled;
  }

  /** Why it does not serve; undefined while it may. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Live ones, at the last heartbeat. */
  get connections(): number {
    return this.#connections;
  }

  /** What it serves, or will when it is ready. */
  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  /** Undefined where it is not ready yet, has gone, or takes too long. */
  async ask(question: Question, patienceMs?: number): Promise<Answer | undefined> {
    if (!this.#isReady || hasGone(this.#worker)) return undefined;
    return this.#answers.ask((request) => this.send({ ...question, request }), patienceMs);
  }

  /** It may be busy with the answer for longer than a worker that is not may be silent. */
  async #askPatiently(question: Question): Promise<Answer | undefined> {
    this.#excuses += 1;
    try {
      return await this.ask(question, reloadPatienceMs);
    } finally {
      this.#excuses -= 1;
    }
  }

  /** Has it make ready for another configuration, once it serves its first. Undefined: it has gone meanwhile. */
  async prepare({ snapshot, configure, sockets }: WorkerSetup): Promise<Prepared | undefined> {
    await this.#settled;
    const sending = await sendRoutes(this.#worker, snapshot.routes, reloadPatienceMs);
    if (sending !== 'sent') return sending === 'gone' ? undefined : silent;
    const { snapshot: rest, limitColumns, ownListeners } = configure;
    const question = { kind: 'prepare', snapshot: rest, limitColumns, ownListeners } as const;
    const asked = this.#askPatiently(question);
    this.#sendSockets(sockets);
    const answer = await asked;
    if (answer?.kind !== 'prepared') return hasGone(this.#worker) ? undefined : silent;
    if (answer.problem !== undefined) return { ok: false, problem: answer.problem };
    this.#prepared = snapshot;
    return { ok: true };
  }

  /** Has it serve this configuration, if need be prepared just now. Whether it does. */
  async switchTo(setup: WorkerSetup): Promise<boolean> {
    const { snapshot } = setup;
    if (this.#prepared !== snapshot && (await this.prepare(setup))?.ok !== true) return false;
    this.#prepared = undefined;
    const upstreams = [...setup.upstreams()].filter((message) => message.kind === 'endpoints');
    const answer = await this.#askPatiently({ kind: 'switch', upstreams });
    if (answer?.kind === 'switched') this.#snapshot = snapshot;
    return this.#snapshot === snapshot;
  }

  /** Has it accept from these sockets of another worker, too. */
  standIn(workerIndex: number, sockets: WorkerSetup['sockets']): void {
    for (const [listener, socket] of sockets) {
      this.#sendSocket(socket, { kind: 'stand-in', workerIndex, listener });
    }
  }

  /** What it was prepared for will not come. */
  stay(): void {
    this.#prepared = undefined;
    this.send({ kind: 'stay' });
  }

  /** Resolves when it has gone. */
  async kill(why: string): Promise<void> {
    this.#kill(why);
    await this.#exited;
  }

  /** Has it accept nothing more, as another does; its connections have this long. Resolves when it has gone. */
  drain(timeoutMs: number): Promise<void> {
    return this.end({ kind: 'drain', timeoutMs, acceptsWaiting: false }, timeoutMs + drainGraceMs);
  }

  /** Sends `last` and waits for the end; one that takes longer than `patienceMs` is killed. */
  async end(last: ToWorker, patienceMs: number): Promise<void> {
    this.#isEnding = true;
    // It has no connection yet, and nobody to hear a message.
    if (!this.#hasStarted) this.#kill('it has not started');
    this.send(last);
    const killTimer = setTimeout(() => this.#kill('it does not end'), patienceMs);
    await this.#exited;
    clearTimeout(killTimer);
  }

  /** Nothing more will come. */
  #fallSilent(): void {
    if (this.#isSilent) return;
    this.#isSilent = true;
    this.#answers.giveUp();
    this.#observer.silent();
  }

  #receive(message: unknown): void {
    if (this.#isSilent || !isToSupervisor(message)) return;
    if (message.kind === 'metrics') this.#observer.reported(message.report);
    if (message.kind === 'heartbeat') {
      this.#connections = message.connections;
      this.#heartbeat?.answered();
    }
    if ('request' in message) this.#answers.receive(message);
    // The sockets that a starting worker would get may be closed by now.
    if (this.#isEnding) return;
    switch (message.kind) {
      case 'started':
        this.#hasStarted = true;
        void this.#setUp();
        break;
      case 'ready':
        clearTimeout(this.#startTimer);
        this.#isReady = true;
        this.#heartbeat = this.#startHeartbeat();
        this.#settle();
        this.#observer.ready();
        break;
      case 'failed':
        this.#problem = message.problem;
        this.#observer.failed(message.problem);
        break;
      case 'leaving':
        this.#observer.leaving();
        break;
      case 'ejection':
        this.#observer.ejection(message.upstream, message.endpoint, message.why);
        break;
    }
  }

  #startHeartbeat(): Heartbeat {
    const wait = new ProcessorWait(this.pid);
    const heartbeat = new Heartbeat({
      ask: () => this.send({ kind: 'heartbeat' }),
      isExcused: () => this.#excuses > 0,
      isStarved: () => wait.isStarved(),
      starved: () => this.#observer.starved(beatMs * heartbeat.silentBeats),
      stuck: () => {
        this.#observer.stuck(beatMs * heartbeat.silentBeats);
        this.#kill('no sign of life');
      },
    });
    return heartbeat;
  }

  async #setUp(): Promise<void> {
    const sending = await sendRoutes(this.#worker, this.#snapshot.routes, startTimeoutMs);
    if (sending !== 'sent' || this.#isEnding) return;
    this.send({ ...this.#setup.configure, limitRow: this.#limitRow });
    for (const message of this.#setup.upstreams()) this.send(message);
    this.#sendSockets(this.#setup.sockets);
    this.send({ kind: 'serve' });
  }

  #sendSockets(sockets: WorkerSetup['sockets']): void {
    for (const [listener, socket] of sockets) this.#sendSocket(socket, { kind: 'socket', listener });
  }

  #sendSocket(socket: BoundSocket, message: ToWorker): void {
    if (this.#worker.isConnected()) socket.sendTo(this.#worker, message, ignoreGone);
  }

  /** Does nothing when it has gone. */
  send(message: ToWorker): void {
    if (this.#worker.isConnected()) this.#worker.send(message, ignoreGone);
  }

  #kill(why: string): void {
    this.#killedBecause = why;
    this.#worker.process.kill('SIGKILL');
  }
}

/** A worker that cannot be reached is one whose exit is about to be told. */
function ignoreGone(): void {}
