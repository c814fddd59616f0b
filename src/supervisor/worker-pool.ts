import cluster from 'node:cluster';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Logger } from 'pino';

import type { Snapshot } from '../config/snapshot.ts';
import type { LiveConnection } from '../telemetry/live-connection.ts';
import type { LiveCounts } from '../telemetry/metrics-report.ts';
import type { ToWorker } from '../worker/messages.ts';
import { MetricsBook, type MetricsTotal } from './metrics-book.ts';
import type { Answer, Question } from './pending-answers.ts';
import { StandIns } from './stand-ins.ts';
import { type EjectionObserver, WorkerKeeper, type WorkerStart } from './worker-keeper.ts';
import type { WorkerSetup } from './worker-process.ts';

export interface WorkerStatus {
  readonly index: number;
  /** undefined: died, and waits to be replaced. */
  readonly pid: number | undefined;
  readonly restarts: number;
  /** When last asked for. */
  readonly connections: number;
}

/** Process ids. */
export interface ReplacedWorker {
  readonly index: number;
  readonly before: number | undefined;
  readonly now: number | undefined;
}

/** `problem`: why not the others. */
export interface Restart {
  readonly replaced: readonly ReplacedWorker[];
  readonly problem: string | undefined;
}

/** What the processes of all workers are started with. */
export interface WorkerProcesses {
  readonly nodeOptions: readonly string[];
  /** Becomes their `limitMemoryFd`. */
  readonly limitFd: number | undefined;
}

/**
 * How often what workers have counted is added up, though nobody wants to know: what of it a kill can lose, and how many
 * rows may be new to the supervisor when somebody waits for them.
 */
const collectMs = 4_000;

/** All workers: starts them, keeps their number, ends them. */
export class WorkerPool {
  readonly #keepers: readonly WorkerKeeper[];
  readonly #book = new MetricsBook();
  readonly #standIns: StandIns;
  readonly #log: Logger;
  #collecting: NodeJS.Timeout | undefined;

  /** `setup` is asked for each new worker, by its index. */
  constructor(
    workerCount: number,
    setup: (workerIndex: number) => WorkerSetup,
    observer: EjectionObserver,
    log: Logger,
    { nodeOptions, limitFd }: WorkerProcesses,
  ) {
    this.#log = log;
    cluster.setupPrimary({
      exec: workerMain(),
      args: [],
      // What this process was given comes last: it decides.
      execArgv: [...nodeOptions, ...process.execArgv],
      // Keeps binary data, maps and undefined as they are, which JSON does not.
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc', ...(limitFd === undefined ? [] : [limitFd])],
    });
    this.#standIns = new StandIns(
      () => this.#keepers.flatMap(({ accepting }) => accepting ?? []),
      (workerIndex) => setup(workerIndex).sockets,
    );
    this.#keepers = Array.from(
      { length: workerCount },
      (_, index) => new WorkerKeeper(index, () => setup(index), observer, this.#book, this.#standIns, log),
    );
  }

  get workers(): readonly WorkerStatus[] {
    return this.#keepers.map(({ index, pid, restarts, connections }) => ({
      index,
      pid,
      restarts,
      connections,
    }));
  }

  /** Live connections, a second ago or less. */
  get connections(): number {
    return this.#keepers.reduce((sum, { connectionsAtBeat }) => sum + connectionsAtBeat, 0);
  }

  /**
   * Resolves when every worker is ready, or dies again and again while at least one is ready; or when none of them will
   * be, at the first that says that it cannot serve.
   */
  start(): Promise<WorkerStart> {
    this.#collecting = setInterval(() => void this.metrics(async () => {}), collectMs).unref();
    return new Promise((resolve) => {
      const starts = this.#keepers.map(async (keeper) => {
        const start = await keeper.start();
        if (!start.ok && !start.isTriedAgain) resolve(start);
        return start;
      });
      void Promise.all(starts).then((all) => resolve(all.find(({ ok }) => ok) ?? all[0] ?? { ok: true }));
    });
  }

  /** One at a time, as `WorkerKeeper.replace`; no further where one cannot be replaced. */
  async restart(): Promise<Restart> {
    this.#log.info('restarting workers, one at a time');
    const restart = await this.#replaceEach();
    if (restart.problem === undefined)
      this.#log.info({ workers: restart.replaced.length }, 'workers restarted');
    else this.#log.error({ problem: restart.problem }, 'not every worker was restarted');
    return restart;
  }

  async #replaceEach(): Promise<Restart> {
    const replaced: ReplacedWorker[] = [];
    for (const keeper of this.#keepers) {
      const { index } = keeper;
      const replacement = await keeper.replace();
      if (!replacement.ok) return { replaced, problem: `worker ${index}: ${replacement.problem}` };
      replaced.push({ index, before: replacement.before, now: replacement.now });
    }
    return { replaced, problem: undefined };
  }

  /** Whether every worker serves this. */
  serves(snapshot: Snapshot): boolean {
    return this.#keepers.every((keeper) => keeper.serves(snapshot));
  }

  /** Has every worker make ready for another configuration. Why they cannot, a line for each that cannot. */
  async prepare(next: (workerIndex: number) => WorkerSetup): Promise<string[]> {
    const problems = await Promise.all(this.#keepers.map((keeper) => keeper.prepare(next(keeper.index))));
    return problems.filter((problem) => problem !== undefined);
  }

  /** What was prepared will not come. */
  stay(): void {
    for (const keeper of this.#keepers) keeper.stay();
  }

  /** Resolves when every worker serves what was prepared, or is about to start with it: see `WorkerKeeper`. */
  async switchTo(next: (workerIndex: number) => WorkerSetup): Promise<void> {
    await Promise.all(this.#keepers.map((keeper) => keeper.switchTo(() => next(keeper.index))));
    this.#standIns.renew();
  }

  send(message: ToWorker): void {
    for (const keeper of this.#keepers) keeper.send(message);
  }

  /** Asks every worker; of one that does not answer, what it last said counts. See `MetricsBook.read`. */
  async metrics<Result>(use: (total: MetricsTotal) => Promise<Result>): Promise<Result> {
    await this.#collect();
    return this.#book.read(use);
  }

  /** Asks every worker, as `metrics`. */
  async live(): Promise<LiveCounts> {
    await this.#collect();
    return this.#book.live();
  }

  async #collect(): Promise<void> {
    await this.#ask({ kind: 'report-metrics' });
  }

  /** At most `limit` live connections of each worker. */
  async liveConnections(limit: number): Promise<LiveConnection[]> {
    const answers = await this.#ask({ kind: 'report-connections', limit });
    return answers.flatMap((answer) => (answer.kind === 'connections' ? answer.connections : []));
  }

  async #ask(question: Question): Promise<Answer[]> {
    return (await Promise.all(this.#keepers.map((keeper) => keeper.ask(question)))).flat();
  }

  /** All workers are about to end: from here on only dead ones are replaced. */
  wrapUp(): void {
    for (const keeper of this.#keepers) keeper.wrapUp();
  }

  /** Resolves when every worker has ended; one that takes longer than `patienceMs` is killed. */
  async end(last: ToWorker, patienceMs: number): Promise<void> {
    await Promise.all(this.#keepers.map((keeper) => keeper.end(last, patienceMs)));
    clearInterval(this.#collecting);
  }
}

/** `src/worker/main.ts`, or `dist/worker/main.js`: whichever belongs to the file that runs. */
function workerMain(): string {
  return fileURLToPath(new URL(`../worker/main${extname(import.meta.url)}`, import.meta.url));
}
