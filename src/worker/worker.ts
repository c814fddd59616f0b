import type { ListenerSnapshot, Snapshot } from '../config/snapshot.ts';
import type { DataPlane, ListeningHandle, PlaneListener } from '../data-plane/data-plane.ts';
import { createPlane } from '../data-plane/load-plane.ts';
import { AccessLog } from '../telemetry/access-log.ts';
import { ConnectionMetrics } from '../telemetry/connection-metrics.ts';
import { ObserverList } from '../telemetry/observer-list.ts';
import { ConnectionPolicy } from './connection-policy.ts';
import type { Credentials, ToSupervisor, ToWorker } from './messages.ts';
import { dropPrivileges } from './privileges.ts';
import { WorkerReports } from './worker-reports.ts';

/** How often a draining worker looks whether its last connection has ended: no cost while it serves. */
const drainPollMs = 20;

/**
 * One worker: takes the snapshot and its sockets from the supervisor, serves them with a data plane, and drains.
 * It decides nothing about itself: whoever runs it (`main.ts`) passes on messages, signals and the loss of the
 * supervisor, and ends the process once `ended` has resolved.
 */
export class Worker {
  /** Resolves when no connection is left and none will come. */
  readonly ended: Promise<void>;
  readonly #tell: (message: ToSupervisor) => void;
  readonly #sockets = new Map<string, ListeningHandle>();
  #settleEnded: () => void = () => {};
  #setup: Setup | undefined;
  #listeners: readonly PlaneListener[] = [];
  #drainTimers: NodeJS.Timeout[] = [];
  #isLeaving = false;

  constructor(tell: (message: ToSupervisor) => void) {
    this.#tell = tell;
    this.ended = new Promise((resolve) => {
      this.#settleEnded = resolve;
    });
  }

  receive(message: ToWorker, handle: unknown): void {
    switch (message.kind) {
      case 'configure':
        this.#attempt('start', () => {
          this.#setup = setUp(message, this.#tell);
        });
        break;
      case 'endpoints':
        this.#setup?.policy.updateEndpoints(message.upstream, message.endpoints);
        break;
      case 'endpoint-state':
        this.#setup?.policy.setEndpointState(message.upstream, message.endpoint, message.state, message.why);
        break;
      case 'socket':
        if (isListeningHandle(handle)) this.#sockets.set(message.listener, handle);
        break;
      case 'serve':
        this.#attempt('serve', () => this.#serve());
        break;
      case 'drain':
        this.drain(message.timeoutMs);
        break;
      case 'abort':
        this.abort();
        break;
      case 'reopen-logs':
        this.#setup?.accessLog?.reopen();
        break;
      case 'report-metrics':
        void this.#reportMetrics(message.request);
        break;
      case 'report-connections':
        this.#reportConnections(message.request, message.limit);
        break;
    }
  }

  /** Accepts nothing more; connections that have not ended by then are reset. Without a time, the snapshot's. */
  drain(timeoutMs = this.#setup?.snapshot.timeouts.drainMs ?? 0): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    const plane = this.#setup?.plane;
    for (const listener of this.#listeners) plane?.stopListening(listener);
    const endIfIdle = () => {
      if ((plane?.connectionCount ?? 0) === 0) this.abort();
    };
    this.#drainTimers = [setTimeout(() => this.abort(), timeoutMs), setInterval(endIfIdle, drainPollMs)];
    endIfIdle();
  }

  /** For a signal to this process alone: the supervisor is to put another worker in its place. */
  leave(): void {
    if (!this.#isLeaving) this.#tell({ kind: 'draining' });
    this.drain();
  }

  /** Resets what is live. */
  abort(): void {
    this.#isLeaving = true;
    for (const timer of this.#drainTimers) clearInterval(timer);
    void Promise.resolve(this.#setup?.plane.close()).finally(() => {
      this.#setup?.accessLog?.close();
      // One that never served has nothing to report.
      const told = this.#listeners.length === 0 ? Promise.resolve() : this.#reportMetrics(undefined);
      void told.finally(this.#settleEnded);
    });
  }

  #serve(): void {
    if (this.#setup === undefined || this.#isLeaving) return;
    const { snapshot, plane, credentials } = this.#setup;
    if (credentials !== undefined) dropPrivileges(credentials);
    this.#listeners = snapshot.listeners.map((listener) => {
      const socket = this.#sockets.get(listener.name);
      if (socket === undefined) throw new Error(`no socket arrived for listener ${listener.name}`);
      const planeListener = toPlaneListener(listener, snapshot);
      plane.listen(planeListener, socket);
      return planeListener;
    });
    this.#tell({ kind: 'ready' });
  }

  async #reportMetrics(request: number | undefined): Promise<void> {
    const report = await this.#setup?.reports.metrics();
    if (report !== undefined) this.#tell({ kind: 'metrics', request, report });
  }

  #reportConnections(request: number, limit: number): void {
    const connections = this.#setup?.reports.connections(limit) ?? [];
    this.#tell({ kind: 'connections', request, connections });
  }

  #attempt(what: string, step: () => void): void {
    try {
      step();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#tell({ kind: 'failed', problem: `a worker cannot ${what}: ${why}` });
      this.abort();
    }
  }
}

interface Setup {
  readonly snapshot: Snapshot;
  readonly policy: ConnectionPolicy;
  readonly plane: DataPlane;
  readonly accessLog: AccessLog | undefined;
  readonly reports: WorkerReports;
  readonly credentials: Credentials | undefined;
}

function setUp(
  configure: ToWorker & { readonly kind: 'configure' },
  tell: (message: ToSupervisor) => void,
): Setup {
  const { snapshot, workerIndex, workerCount, credentials, ownListeners } = configure;
  const accessLog = snapshot.log.access === 'off' ? undefined : new AccessLog(snapshot.log.access);
  const metrics = new ConnectionMetrics();
  const policy = new ConnectionPolicy(snapshot, {
    worker: { index: workerIndex, count: workerCount },
    ownListeners,
    observer: accessLog === undefined ? metrics : new ObserverList([metrics, accessLog]),
    tellEjection: (ejection) => tell({ kind: 'ejection', ...ejection }),
  });
  const plane = createPlane(configure.plane, policy);
  policy.plane = plane;
  if (configure.maxConnections !== undefined) plane.setMaxConnections(configure.maxConnections);
  const reports = new WorkerReports({ metrics, policy, plane, accessLog });
  return { snapshot, policy, plane, accessLog, reports, credentials };
}

/** The policy is asked on accept only where it may have an opinion that early. */
function toPlaneListener(listener: ListenerSnapshot, { limits }: Snapshot): PlaneListener {
  const { maxConnectionsPerSource, newConnectionsPerSource } = limits;
  return {
    name: listener.name,
    helloTimeoutMs: listener.helloTimeoutMs,
    maxHelloBytes: listener.maxHelloBytes,
    asksOnAccept:
      listener.acceptProxyFrom !== undefined ||
      maxConnectionsPerSource !== undefined ||
      newConnectionsPerSource !== undefined,
  };
}

function isListeningHandle(value: unknown): value is ListeningHandle {
  if (typeof value !== 'object' || value === null) return false;
  return typeof Reflect.get(value, 'fd') === 'number' && typeof Reflect.get(value, 'close') === 'function';
}
