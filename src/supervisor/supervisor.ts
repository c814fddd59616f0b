import type { Logger } from 'pino';

import type { Snapshot } from '../config/snapshot.ts';
import type { DataPlane } from '../data-plane/data-plane.ts';
import { type Addon, choosePlane, type PlaneChoice } from '../data-plane/load-plane.ts';
import type { LiveConnection } from '../telemetry/live-connection.ts';
import type { ProxyMetrics } from '../telemetry/render-metrics.ts';
import { NameResolver } from '../upstream/dns/name-resolver.ts';
import type { Credentials, ToWorker } from '../worker/messages.ts';
import { emptyQueues } from './accept-queues.ts';
import type { BoundSocket } from './bound-socket.ts';
import { type ConfigSource, type Reload, refused } from './config-source.ts';
import { FileWatch } from './file-watch.ts';
import { ListeningSockets } from './listening-sockets.ts';
import { planReload } from './plan-reload.ts';
import { prepareAccessLog } from './prepare-access-log.ts';
import {
  type ProxyStatus,
  reportMetrics,
  reportStatus,
  type ServedListener,
  type ServingProxy,
} from './proxy-report.ts';
import { resolveUser } from './resolve-user.ts';
import { UpstreamWatch } from './upstream-watch.ts';
import { type Restart, WorkerPool } from './worker-pool.ts';
import { drainGraceMs } from './worker-process.ts';
import { workerSetup } from './worker-setup.ts';

export type Start =
  | { readonly ok: true; readonly plane: DataPlane['kind']; readonly served: readonly ServedListener[] }
  /** Nothing is left open or running. One line each. */
  | { readonly ok: false; readonly problems: readonly string[] };

const abortPatienceMs = 2_000;
/** What a reload gives to those who wait at a listener that it removes, where workers are at their limits. */
const removalPatienceMs = 2_000;
/** How long a start waits for the first answers about endpoints: then it serves with what there is. */
const firstLookupsMs = 3_000;

/**
 * The primary process: binds the listening sockets, keeps the workers running, ends them. It never accepts a
 * connection itself, so nothing it does can slow one down.
 */
export class Supervisor {
  readonly #log: Logger;
  readonly #source: ConfigSource | undefined;
  #snapshot: Snapshot | undefined;
  #credentials: Credentials | undefined;
  #addon: Addon | undefined;
  #sockets: ListeningSockets | undefined;
  #watch: UpstreamWatch | undefined;
  #pool: WorkerPool | undefined;
  #serving: ServingProxy | undefined;
  readonly #reloads = { success: 0, failure: 0 };
  /** Settles when nobody starts, reloads or restarts workers. */
  #turn: Promise<unknown> = Promise.resolve();
  #fileWatch: FileWatch | undefined;
  #hasServed = false;
  #isStopping = false;
  readonly #abortion = new AbortController();

  /** `source`: where another configuration comes from, in a proxy that can reload. */
  constructor(log: Logger, source?: ConfigSource) {
    this.#log = log;
    this.#source = source;
  }

  /** Somebody has asked for the end. */
  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** Every worker serves the newest configuration, and nobody has asked for the end. */
  get isReady(): boolean {
    if (this.#isStopping || this.#serving === undefined) return false;
    return this.#serving.pool.serves(this.#serving.snapshot);
  }

  /** The configuration that is served; undefined while starting. */
  get snapshot(): Snapshot | undefined {
    return this.#serving?.snapshot;
  }

  /** Undefined while starting. */
  async metrics(): Promise<ProxyMetrics | undefined> {
    return this.#serving && reportMetrics(this.#serving, this.#reloads);
  }

  /** Undefined while starting. */
  async status(): Promise<ProxyStatus | undefined> {
    return this.#serving && reportStatus(this.#serving);
  }

  /** Live connections, at most so many of each worker. */
  async connections(limit: number): Promise<LiveConnection[]> {
    return this.#serving?.pool.connections(limit) ?? [];
  }

  /** Resolves when every worker serves every listener, or when that cannot be. To be called once. */
  start(snapshot: Snapshot): Promise<Start> {
    const started = this.#start(snapshot);
    this.#turn = started;
    return started;
  }

  async #start(snapshot: Snapshot): Promise<Start> {
    this.#snapshot = snapshot;
    const user = resolveUser(snapshot.user);
    if (!user.ok) return { ok: false, problems: [user.problem] };
    this.#credentials = user.credentials;
    const plane = choosePlane(snapshot.dataPlane);
    if (!plane.ok) return { ok: false, problems: [plane.problem] };
    if (plane.fallback !== undefined) this.#log.warn({ reason: plane.fallback }, 'portable data plane');

    this.#addon = plane.addon;
    const logProblem = prepareAccessLog(snapshot.log.access, user.credentials);
    if (logProblem !== undefined) return { ok: false, problems: [logProblem] };
    const { listeners, workers } = snapshot;
    const opened = await ListeningSockets.open(listeners, workers, plane.addon?.openListeningSocket);
    if (!opened.ok) return opened;
    this.#sockets = opened.sockets;
    const watch = new UpstreamWatch(
      snapshot.upstreams,
      new NameResolver(),
      (message) => this.#pool?.send(message),
      this.#log,
    );
    this.#watch = watch;
    await watch.settled(firstLookupsMs);
    if (this.#isStopping) return this.#giveUp('stopped while starting');
    return this.#startWorkers(snapshot, opened.sockets, plane, watch);
  }

  /**
   * Reads the configuration again and takes it over for new connections, all of it that can be without a restart, or
   * nothing at all where it has problems. One at a time; `why`: who has asked for it, for the log.
   */
  reload(why = 'POST /reload'): Promise<Reload> {
    const reload = this.#turn.then(() => this.#reload(why));
    this.#turn = reload.catch(() => {});
    return reload;
  }

  async #reload(why: string): Promise<Reload> {
    const reload = await this.#readAndApply().catch((error: unknown) => refused(String(error)));
    this.#reloads[reload.ok ? 'success' : 'failure'] += 1;
    if (reload.ok) {
      for (const warning of reload.warnings) this.#log.warn(warning);
      this.#log.info({ why, changes: reload.changes }, 'reloaded');
    } else this.#log.error({ why, problems: reload.problems }, 'not reloaded: the configuration stays');
    return reload;
  }

  async #readAndApply(): Promise<Reload> {
    if (this.#source === undefined) return refused('there is no file to read the configuration from again');
    if (this.#serving === undefined) return refused('the proxy does not serve yet');
    const loaded = await this.#source.load(this.#serving.snapshot.routes);
    if (!loaded.ok) return loaded;
    const { snapshot, changes } = planReload(this.#serving.snapshot, loaded.snapshot, loaded.routeChanges);
    const problems = await this.#apply(snapshot, this.#serving);
    if (problems.length > 0) return { ok: false, problems };
    return { ok: true, changes, warnings: loaded.warnings };
  }

  /** Every worker switches, or none does and nothing has changed: one line each why not. */
  async #apply(snapshot: Snapshot, serving: ServingProxy): Promise<readonly string[]> {
    if (this.#isStopping) return [stopping];
    const logProblem = prepareAccessLog(snapshot.log.access, this.#credentials);
    if (logProblem !== undefined) return [logProblem];
    const { watch, pool } = serving;
    const { listeners, workers } = snapshot;
    const open = this.#addon?.openListeningSocket;
    const opened = await ListeningSockets.open(listeners, workers, open, serving.sockets);
    if (!opened.ok) return opened.problems;
    const { sockets } = opened;
    const next: ServingProxy = {
      ...serving,
      snapshot,
      loadedAt: new Date(),
      sockets,
      served: servedListeners(sockets),
    };
    const setup = (index: number) => workerSetup(index, next, this.#credentials);
    const watched = watch.prepare(snapshot.upstreams);

    const [problems] = await Promise.all([pool.prepare(setup), watch.settled(firstLookupsMs, watched)]);
    if (this.#isStopping) problems.push(stopping);
    if (problems.length > 0) {
      pool.stay();
      watch.discard(watched);
      sockets.closeExcept(serving.sockets);
      return problems;
    }

    this.#serving = next;
    this.#snapshot = snapshot;
    this.#sockets = sockets;
    this.#log.level = snapshot.log.level;
    watch.configure(watched);
    this.#followFile(snapshot.watch);
    await this.#emptyQueues(serving.sockets.except(sockets), removalPatienceMs);
    await pool.switchTo(setup);
    serving.sockets.closeExcept(sockets);
    return [];
  }

  /** For log rotation: log files have been moved away. */
  reopenLogs(): void {
    const problem = prepareAccessLog(this.#snapshot?.log.access ?? 'off', this.#credentials);
    if (problem !== undefined) this.#log.error(problem);
    else this.#pool?.send({ kind: 'reopen-logs' });
  }

  /**
   * Puts a new worker in the place of each, one after the other: it serves before the one that it replaces drains. One
   * at a time with reloads.
   */
  restartWorkers(): Promise<Restart> {
    const restart = this.#turn.then(() => this.#restartWorkers());
    this.#turn = restart.catch(() => {});
    return restart;
  }

  async #restartWorkers(): Promise<Restart> {
    const pool = this.#serving?.pool;
    if (pool === undefined || this.#isStopping) {
      return { replaced: [], problem: this.#isStopping ? stopping : 'the proxy does not serve yet' };
    }
    this.#log.info('restarting workers, one at a time');
    const restart = await pool.restart();
    if (restart.problem === undefined)
      this.#log.info({ workers: restart.replaced.length }, 'workers restarted');
    else this.#log.error({ problem: restart.problem }, 'not every worker was restarted');
    return restart;
  }

  /**
   * Lets nobody new in, serves who waits to be accepted, and gives what is live the rest of the drain timeout. Resolves
   * when every worker has ended.
   */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const timeoutMs = this.#snapshot?.timeouts.drainMs ?? 0;
    const endsAt = performance.now() + timeoutMs;
    this.#pool?.wrapUp();
    // Half: who comes in last gets some time, too.
    if (this.#hasServed) await this.#emptyQueues([...(this.#sockets?.all() ?? [])], timeoutMs / 2);
    if (this.#abortion.signal.aborted) return this.abort();
    const leftMs = Math.max(0, endsAt - performance.now());
    await this.#end({ kind: 'drain', timeoutMs: leftMs }, leftMs + drainGraceMs);
  }

  /** Resets what is live and ends at once; also while `stop` is waiting. */
  async abort(): Promise<void> {
    this.#isStopping = true;
    this.#abortion.abort();
    await this.#end({ kind: 'abort' }, abortPatienceMs);
  }

  async #startWorkers(
    snapshot: Snapshot,
    sockets: ListeningSockets,
    plane: PlaneChoice & { ok: true },
    watch: UpstreamWatch,
  ): Promise<Start> {
    const served = servedListeners(sockets);
    const setup = (index: number) =>
      workerSetup(index, this.#serving ?? { snapshot, plane: plane.kind, sockets, watch }, this.#credentials);
    const pool = new WorkerPool(snapshot.workers, setup, watch, this.#log);
    this.#pool = pool;
    this.#serving = { snapshot, loadedAt: new Date(), plane: plane.kind, served, sockets, watch, pool };
    const started = await pool.start();
    if (!started.ok) return this.#giveUp(started.problem);
    this.#hasServed = true;
    this.#followFile(snapshot.watch);
    return { ok: true, plane: plane.kind, served };
  }

  /** Reloads whenever the file may have changed: where it has not, nothing changes. */
  #followFile(isWanted: boolean): void {
    if (!isWanted || this.#isStopping) {
      this.#fileWatch?.close();
      this.#fileWatch = undefined;
    } else if (this.#source !== undefined) {
      this.#fileWatch ??= new FileWatch(
        this.#source.file,
        () => void this.reload('watch'),
        (error) => this.#log.error({ error: String(error) }, 'the configuration cannot be watched'),
      );
    }
  }

  /** Of sockets that are about to be closed. Without the addon there is no way to. */
  async #emptyQueues(sockets: readonly BoundSocket[], patienceMs: number): Promise<void> {
    if (this.#addon === undefined || sockets.length === 0) return;
    await emptyQueues(sockets, this.#addon, patienceMs, this.#abortion.signal);
  }

  async #giveUp(problem: string): Promise<Start> {
    await this.#end({ kind: 'abort' }, abortPatienceMs);
    return { ok: false, problems: [problem] };
  }

  async #end(last: ToWorker, patienceMs: number): Promise<void> {
    this.#sockets?.close();
    this.#sockets = undefined;
    this.#watch?.close();
    this.#fileWatch?.close();
    await this.#pool?.end(last, patienceMs);
  }
}

const stopping = 'the proxy is about to end';

function servedListeners(sockets: ListeningSockets): ServedListener[] {
  return [...sockets.addresses()].map(([listener, address]) => ({ listener, address }));
}
