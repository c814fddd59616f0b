import type { Snapshot } from '../config/snapshot.ts';
import type { DataPlane } from '../data-plane/data-plane.ts';
import { createPlane } from '../data-plane/load-plane.ts';
import { inSlices } from '../event-loop/in-slices.ts';
import { AccessLog, type PreparedTarget } from '../telemetry/access-log.ts';
import { ConnectionMetrics } from '../telemetry/connection-metrics.ts';
import { ObserverList } from '../telemetry/observer-list.ts';
import type { WorkerSlot } from '../upstream/worker-slot.ts';
import { AcceptingListeners } from './accepting-listeners.ts';
import { ConnectionPolicy } from './connection-policy.ts';
import { ConnectionRules } from './connection-rules.ts';
import { descriptorLimit, workerMaxConnections } from './max-connections.ts';
import {
  type Credentials,
  limitMemoryFd,
  type ToSupervisor,
  type ToWorker,
  type UpstreamEndpoints,
} from './messages.ts';
import { SharedLimits } from './shared-limits.ts';
import { WorkerReports } from './worker-reports.ts';

type WithRoutes = { readonly snapshot: Snapshot };
type Configure = ToWorker & { readonly kind: 'configure' } & WithRoutes;
type Prepare = ToWorker & { readonly kind: 'prepare' } & WithRoutes;

/** All that a worker serves with, and the way from one configuration to the next. */
export class Serving {
  readonly plane: DataPlane;
  readonly policy: ConnectionPolicy;
  readonly listeners: AcceptingListeners;
  readonly accessLog: AccessLog;
  readonly reports: WorkerReports;
  readonly credentials: Credentials | undefined;
  readonly #worker: WorkerSlot;
  readonly #limits: SharedLimits | undefined;
  #snapshot: Snapshot;
  #prepared: Prepared | undefined;
  /** Counts what was to be prepared: what is overtaken in the making is thrown away. */
  #preparations = 0;

  constructor(configure: Configure, tell: (message: ToSupervisor) => void) {
    const { snapshot, workerIndex, workerCount, ownListeners, limitRow, limitColumns } = configure;
    this.#snapshot = snapshot;
    this.#worker = { index: workerIndex, count: workerCount };
    this.#limits = limitRow === undefined ? undefined : SharedLimits.take(limitMemoryFd, limitRow);
    this.credentials = configure.credentials;
    this.accessLog = new AccessLog(snapshot.log.access);
    const metrics = new ConnectionMetrics();
    this.policy = new ConnectionPolicy(snapshot, {
      worker: this.#worker,
      ownListeners,
      sharedSources: this.#limits?.sources,
      upstreamCounts: this.#limits?.upstreams(limitColumns),
      observer: new ObserverList([metrics, this.accessLog]),
      tellEjection: (ejection) => tell({ kind: 'ejection', ...ejection }),
    });
    this.plane = createPlane(configure.plane, this.policy);
    this.policy.plane = this.plane;
    this.#limitConnections(snapshot);
    this.listeners = new AcceptingListeners(this.plane);
    const { policy, plane, accessLog } = this;
    this.reports = new WorkerReports({ metrics, policy, plane, accessLog });
  }

  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  /** Does all that may fail or take long. Rejects where it cannot be, and nothing has changed then. */
  async prepare(message: Prepare): Promise<void> {
    this.#forget();
    const preparation = ++this.#preparations;
    const { snapshot } = message;
    const rules = new ConnectionRules(snapshot);
    await inSlices(rules.table.prepare());
    if (preparation !== this.#preparations) throw new Error('another configuration came before it was ready');
    this.#prepared = { message, rules, log: this.accessLog.prepare(snapshot.log.access) };
  }

  /** Decides new connections by what was prepared, from the next one on. */
  switch(upstreams: readonly UpstreamEndpoints[]): void {
    if (this.#prepared === undefined) throw new Error('nothing was prepared');
    const { message, rules, log } = this.#prepared;
    const { snapshot, ownListeners, limitColumns } = message;
    this.#prepared = undefined;
    this.policy.configure(rules, ownListeners, this.#limits?.upstreams(limitColumns));
    for (const { upstream, endpoints } of upstreams) this.policy.updateEndpoints(upstream, endpoints);
    this.listeners.switchTo(snapshot);
    this.#limitConnections(snapshot);
    log.use();
    this.#snapshot = snapshot;
  }

  #limitConnections({ limits: { maxConnections } }: Snapshot): void {
    const isShared = this.#limits !== undefined && maxConnections !== undefined;
    const own = workerMaxConnections(isShared ? undefined : maxConnections, this.#worker, descriptorLimit());
    const shared = isShared ? this.#limits?.live(maxConnections) : undefined;
    this.plane.setMaxConnections(own ?? Number.POSITIVE_INFINITY, shared);
  }

  /** Forgets what was prepared. */
  stay(): void {
    this.#preparations += 1;
    this.#forget();
    this.listeners.discard();
  }

  #forget(): void {
    this.#prepared?.log.discard();
    this.#prepared = undefined;
  }
}

interface Prepared {
  readonly message: Prepare;
  readonly rules: ConnectionRules;
  readonly log: PreparedTarget;
}
