import type { Logger } from 'pino';

import type { Snapshot } from '../config/snapshot.ts';
import type { DataPlane } from '../data-plane/data-plane.ts';
import { choosePlane, type PlaneChoice } from '../data-plane/load-plane.ts';
import type { LiveConnection } from '../telemetry/live-connection.ts';
import type { ProxyMetrics } from '../telemetry/render-metrics.ts';
import { NameResolver } from '../upstream/dns/name-resolver.ts';
import type { Credentials, ToWorker } from '../worker/messages.ts';
import { ListeningSockets } from './listening-sockets.ts';
import { descriptorLimit, workerMaxConnections } from './max-connections.ts';
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
import { WorkerPool } from './worker-pool.ts';
import type { WorkerSetup } from './worker-process.ts';

export type Start =
  | { readonly ok: true; readonly plane: DataPlane['kind']; readonly served: readonly ServedListener[] }
  /** Nothing is left open or running. One line each. */
  | { readonly ok: false; readonly problems: readonly string[] };

/** What a worker gets beyond its time to drain before it is taken for stuck. */
const drainGraceMs = 5_000;
const abortPatienceMs = 2_000;
/** How long a start waits for the first answers about endpoints: then it serves with what there is. */
const firstLookupsMs = 3_000;

/**
 * The primary process: binds the listening sockets, keeps the workers running, ends them. It never accepts a
 * connection itself, so nothing it does can slow one down.
 */
export class Supervisor {
  readonly #log: Logger;
  #snapshot: Snapshot | undefined;
  #credentials: Credentials | undefined;
  #sockets: ListeningSockets | undefined;
  #watch: UpstreamWatch | undefined;
  #pool: WorkerPool | undefined;
  #serving: ServingProxy | undefined;
  readonly #reloads = { success: 0, failure: 0 };
  #isStopping = false;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Somebody has asked for the end. */
  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** Every worker serves the newest configuration, and nobody has asked for the end. */
  get isReady(): boolean {
    if (this.#isStopping || this.#serving === undefined) return false;
    return this.#serving.pool.workers.every(({ isReady }) => isReady);
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
  async start(snapshot: Snapshot): Promise<Start> {
    this.#snapshot = snapshot;
    const user = resolveUser(snapshot.user);
    if (!user.ok) return { ok: false, problems: [user.problem] };
    this.#credentials = user.credentials;
    const plane = choosePlane(snapshot.dataPlane);
    if (!plane.ok) return { ok: false, problems: [plane.problem] };
    if (plane.fallback !== undefined) this.#log.warn({ reason: plane.fallback }, 'portable data plane');

    const open = plane.addon?.openListeningSocket;
    const logProblem = prepareAccessLog(snapshot.log.access, user.credentials);
    if (logProblem !== undefined) return { ok: false, problems: [logProblem] };
    const opened = await ListeningSockets.open(snapshot.listeners, snapshot.workers, open);
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

  /** For log rotation: log files have been moved away. */
  reopenLogs(): void {
    const problem = prepareAccessLog(this.#snapshot?.log.access ?? 'off', this.#credentials);
    if (problem !== undefined) this.#log.error(problem);
    else this.#pool?.send({ kind: 'reopen-logs' });
  }

  /** Accepts nothing more; what is live gets the drain timeout. Resolves when every worker has ended. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const timeoutMs = this.#snapshot?.timeouts.drainMs ?? 0;
    await this.#end({ kind: 'drain', timeoutMs }, timeoutMs + drainGraceMs);
  }

  /** Resets what is live and ends at once; also while `stop` is waiting. */
  async abort(): Promise<void> {
    this.#isStopping = true;
    await this.#end({ kind: 'abort' }, abortPatienceMs);
  }

  async #startWorkers(
    snapshot: Snapshot,
    sockets: ListeningSockets,
    plane: PlaneChoice & { ok: true },
    watch: UpstreamWatch,
  ): Promise<Start> {
    const served = [...sockets.addresses()].map(([listener, address]) => ({ listener, address }));
    const setup = (workerIndex: number): WorkerSetup => ({
      configure: {
        kind: 'configure',
        snapshot,
        plane: plane.kind,
        workerIndex,
        workerCount: snapshot.workers,
        maxConnections: workerMaxConnections(
          snapshot.limits.maxConnections,
          { index: workerIndex, count: snapshot.workers },
          descriptorLimit(),
        ),
        credentials: this.#credentials,
        ownListeners: served.map(({ address }) => address),
      },
      upstreams: () => watch.messages(),
      sockets: sockets.forWorker(workerIndex),
    });
    const pool = new WorkerPool(snapshot.workers, setup, watch, this.#log);
    this.#pool = pool;
    this.#serving = { snapshot, loadedAt: new Date(), plane: plane.kind, served, watch, pool };
    const started = await pool.start();
    if (!started.ok) return this.#giveUp(started.problem);
    return { ok: true, plane: plane.kind, served };
  }

  async #giveUp(problem: string): Promise<Start> {
    await this.#end({ kind: 'abort' }, abortPatienceMs);
    return { ok: false, problems: [problem] };
  }

  async #end(last: ToWorker, patienceMs: number): Promise<void> {
    this.#sockets?.close();
    this.#sockets = undefined;
    this.#watch?.close();
    await this.#pool?.end(last, patienceMs);
  }
}
