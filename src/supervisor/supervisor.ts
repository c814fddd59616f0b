import type { Logger } from 'pino';

import type { Snapshot } from '../config/snapshot.ts';
import type { DataPlane } from '../data-plane/data-plane.ts';
import type { Addon } from '../data-plane/load-plane.ts';
import { nodeOptions } from '../data-plane/process-tuning.ts';
import type { LiveConnection } from '../telemetry/live-connection.ts';
import type { ProxyMetrics } from '../telemetry/render-metrics.ts';
import { NameResolver } from '../upstream/dns/name-resolver.ts';
import type { Credentials, ToWorker } from '../worker/messages.ts';
import { emptyQueues } from './accept-queues.ts';
import type { BoundSocket } from './bound-socket.ts';
import { ConfigFile } from './config-file.ts';
import type { Reload } from './config-source.ts';
import { Inheritance } from './handover/inheritance.ts';
import { Lineage, type Upgrade } from './handover/lineage.ts';
import { shareLimits } from './limit-shares.ts';
import type { ListeningSockets } from './listening-sockets.ts';
import { prepareAccessLog } from './prepare-access-log.ts';
import { prepareReload } from './prepare-reload.ts';
import { type PreparedStart, prepareStart } from './prepare-start.ts';
import {
  type ProxyStatus,
  reportMetrics,
  reportStatus,
  type ServedListener,
  type ServingProxy,
  servedListeners,
} from './proxy-report.ts';
import { Reloads } from './reloads.ts';
import type { SupervisorObserver, SupervisorOptions } from './supervisor-options.ts';
import { Turns } from './turns.ts';
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
  readonly #file: ConfigFile | undefined;
  readonly #lineage: Lineage;
  readonly #observer: SupervisorObserver | undefined;
  #snapshot: Snapshot | undefined;
  #credentials: Credentials | undefined;
  #addon: Addon | undefined;
  #sockets: ListeningSockets | undefined;
  #watch: UpstreamWatch | undefined;
  #pool: WorkerPool | undefined;
  #serving: ServingProxy | undefined;
  readonly #reloads: Reloads;
  /** Of who starts, reloads, restarts workers or upgrades. */
  readonly #turns = new Turns();
  #hasServed = false;
  #isStopping = false;
  readonly #abortion = new AbortController();

  constructor(log: Logger, { source, inheritance = Inheritance.none(), observer }: SupervisorOptions = {}) {
    this.#log = log;
    this.#observer = observer;
    this.#file = source && new ConfigFile(source, () => void this.reload('watch'), log);
    this.#reloads = new Reloads(this.#file, (...next) => this.#apply(...next), observer, log);
    this.#lineage = new Lineage(inheritance, log);
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

  /** How often the program has been replaced while it served. */
  get generation(): number {
    return this.#lineage.generation;
  }

  /** The configuration that is served; undefined while starting. */
  get snapshot(): Snapshot | undefined {
    return this.#serving?.snapshot;
  }

  /** Calls with the metrics of now, which hold until it settles. Undefined while starting. */
  async metrics<Result>(use: (metrics: ProxyMetrics) => Promise<Result>): Promise<Result | undefined> {
    const serving = this.#serving;
    return serving?.pool.metrics((total) => use(reportMetrics(total, serving, this.#reloads.counts)));
  }

  /** Undefined while starting. */
  async status(): Promise<ProxyStatus | undefined> {
    return this.#serving && reportStatus(this.#serving);
  }

  /** How many connections are live, a second ago or less. */
  get connectionCount(): number {
    return this.#serving?.pool.connections ?? 0;
  }

  /** Live connections, at most so many of each worker. */
  async connections(limit: number): Promise<LiveConnection[]> {
    return this.#serving?.pool.liveConnections(limit) ?? [];
  }

  /** Resolves when every worker serves every listener, or when that cannot be. To be called once. */
  start(snapshot: Snapshot): Promise<Start> {
    return this.#turns.take(async () => {
      this.#snapshot = snapshot;
      const prepared = await prepareStart(snapshot, this.#lineage.inheritance, this.#log);
      if (!prepared.ok) return prepared;
      this.#credentials = prepared.credentials;
      this.#addon = prepared.plane.addon;
      this.#sockets = prepared.sockets;
      const watch = new UpstreamWatch(
        snapshot.upstreams,
        new NameResolver(),
        (message) => this.#pool?.send(message),
        this.#log,
      );
      this.#watch = watch;
      await watch.settled(firstLookupsMs);
      if (this.#isStopping) return this.#giveUp('stopped while starting');
      return this.#startWorkers(snapshot, prepared, watch);
    });
  }

  /**
   * Reads the configuration again and takes it over for new connections, all of it that can be without a restart, or
   * nothing at all where it has problems. One at a time; `why`: who has asked for it, for the log.
   */
  reload(why = 'POST /reload'): Promise<Reload> {
    return this.#turns.take(() => this.#reloads.reload(this.#serving, why));
  }

  /** Every worker switches, or none does and nothing has changed: one line each why not. */
  async #apply(snapshot: Snapshot, serving: ServingProxy): Promise<readonly string[]> {
    if (this.#isStopping) return [stopping];
    const prepared = await prepareReload(serving, snapshot, {
      addon: this.#addon,
      credentials: this.#credentials,
      lookupsMs: firstLookupsMs,
      objection: () => (this.#isStopping ? stopping : undefined),
    });
    if (!prepared.ok) return prepared.problems;

    const { next, setup, watched } = prepared;
    const { sockets, watch, pool } = next;
    this.#serving = next;
    this.#snapshot = snapshot;
    this.#sockets = sockets;
    this.#log.level = snapshot.log.level;
    watch.configure(watched);
    this.#file?.follow(snapshot.watch && !this.#isStopping);
    await this.#emptyQueues(serving.sockets.except(sockets), removalPatienceMs);
    await pool.switchTo(setup);
    next.limits?.keepOnly(snapshot.upstreams);
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
    return this.#turns.take(async () => {
      const pool = this.#serving?.pool;
      if (pool !== undefined && !this.#isStopping) return pool.restart();
      return { replaced: [], problem: this.#isStopping ? stopping : notServing };
    });
  }

  /**
   * Lets nobody new in, serves who waits to be accepted, and gives what is live the rest of the drain timeout. Resolves
   * when every worker has ended.
   */
  stop(): Promise<void> {
    this.#isStopping = true;
    this.#observer?.stopping();
    this.#lineage.endSuccessor();
    return this.#drain();
  }

  async #drain(): Promise<void> {
    const timeoutMs = this.#snapshot?.timeouts.drainMs ?? 0;
    const endsAt = performance.now() + timeoutMs;
    this.#pool?.wrapUp();
    // Half: who comes in last gets some time, too.
    const sockets = [...(this.#sockets?.all() ?? [])];
    if (this.#hasServed) await this.#emptyQueues(sockets, timeoutMs / 2);
    if (this.#abortion.signal.aborted) return this.abort();
    const leftMs = Math.max(0, endsAt - performance.now());
    const acceptsWaiting = sockets.some(({ owner }) => owner === 'us');
    await this.#end({ kind: 'drain', timeoutMs: leftMs, acceptsWaiting }, leftMs + drainGraceMs);
  }

  /** Resets what is live and ends at once; also while `stop` is waiting. */
  async abort(): Promise<void> {
    this.#isStopping = true;
    this.#abortion.abort();
    await this.#end({ kind: 'abort' }, abortPatienceMs);
  }

  async #startWorkers(
    snapshot: Snapshot,
    { plane, sockets }: PreparedStart & { ok: true },
    watch: UpstreamWatch,
  ): Promise<Start> {
    const served = servedListeners(sockets);
    const limits = shareLimits(plane.addon, snapshot, this.#log);
    const setup = (index: number) =>
      workerSetup(
        index,
        this.#serving ?? { snapshot, plane: plane.kind, sockets, watch, limits },
        this.#credentials,
      );
    const processes = { nodeOptions: nodeOptions(plane.kind), limitFd: limits?.fd };
    const pool = new WorkerPool(snapshot.workers, setup, watch, this.#log, processes);
    this.#pool = pool;
    const loadedAt = new Date();
    this.#serving = { snapshot, loadedAt, plane: plane.kind, served, sockets, watch, pool, limits };
    const started = await pool.start();
    if (!started.ok) return this.#giveUp(started.problem);
    this.#hasServed = true;
    const problem = await this.#takeOver(sockets);
    if (problem !== undefined) return this.#giveUp(problem);
    this.#file?.follow(snapshot.watch && !this.#isStopping);
    return { ok: true, plane: plane.kind, served };
  }

  /** Lets the proxy go whose place this one takes, if there is one. Why not. */
  async #takeOver(sockets: ListeningSockets): Promise<string | undefined> {
    if (!this.#lineage.hasPredecessor) return undefined;
    if (!this.isReady) return 'not every worker serves';
    await this.#lineage.takeOver(sockets);
    if (this.#isStopping) return stopping;
    sockets.own(this.#addon);
    return undefined;
  }

  /**
   * Starts the program anew, with the listening sockets of this one; resolves when it serves. This one still does so
   * then, too, and is to be stopped; those who wait at a socket that is given away are the other one's.
   */
  upgrade(why: string): Promise<Upgrade> {
    return this.#turns.take(async () => {
      const sockets = this.#serving?.sockets;
      if (sockets === undefined || this.#isStopping) {
        return { ok: false, problems: [this.#isStopping ? stopping : notServing] };
      }
      const objection = () => (this.#isStopping ? stopping : undefined);
      const upgrade = await this.#lineage.upgrade(sockets, why, objection);
      if (upgrade.ok) this.#sockets = upgrade.remaining;
      else sockets.dealToAll(this.#addon);
      return upgrade;
    });
  }

  #emptyQueues(sockets: readonly BoundSocket[], patienceMs: number): Promise<void> {
    return emptyQueues(sockets, this.#addon, patienceMs, this.#abortion.signal);
  }

  async #giveUp(problem: string): Promise<Start> {
    await this.#lineage.giveUp(problem);
    // Workers of an upgrade that fails may have connections.
    await (this.#lineage.hasPredecessor ? this.#drain() : this.#end({ kind: 'abort' }, abortPatienceMs));
    return { ok: false, problems: [problem] };
  }

  async #end(last: ToWorker, patienceMs: number): Promise<void> {
    this.#sockets?.close();
    this.#sockets = undefined;
    this.#watch?.close();
    this.#file?.close();
    await this.#pool?.end(last, patienceMs);
  }
}

const stopping = 'the proxy is about to end';
const notServing = 'the proxy does not serve yet';
