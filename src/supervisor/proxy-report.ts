import type { RouteAction, RouteSnapshot, Snapshot, UpstreamSnapshot } from '../config/snapshot.ts';
import type { DataPlane } from '../data-plane/data-plane.ts';
import { RouteList } from '../routing/route-list.ts';
import type { ProxyMetrics } from '../telemetry/render-metrics.ts';
import type { EndpointState } from '../upstream/endpoint.ts';
import type { ProbeReport } from '../upstream/health/probe-schedule.ts';
import { listenerAddress } from './bind-problem.ts';
import type { BindAddress } from './bound-socket.ts';
import type { LimitShares } from './limit-shares.ts';
import type { ListeningSockets } from './listening-sockets.ts';
import type { MetricsTotal } from './metrics-book.ts';
import type { EndpointReport, UpstreamWatch } from './upstream-watch.ts';
import type { WorkerPool } from './worker-pool.ts';

/** A proxy that serves, or is about to. */
export interface ServingProxy {
  readonly snapshot: Snapshot;
  readonly loadedAt: Date;
  readonly plane: DataPlane['kind'];
  readonly served: readonly ServedListener[];
  readonly sockets: ListeningSockets;
  readonly watch: UpstreamWatch;
  readonly pool: WorkerPool;
  /** Undefined: each worker keeps to its part of the limits. */
  readonly limits: LimitShares | undefined;
}

export interface ServedListener {
  readonly listener: string;
  readonly address: BindAddress;
}

export function servedListeners(sockets: ListeningSockets): ServedListener[] {
  return Array.from(sockets.addresses(), ([listener, address]) => ({ listener, address }));
}

/** What `/status` shows of the proxy, as JSON has it: null where there is nothing to say, dates as text. */
export interface ProxyStatus {
  readonly dataPlane: DataPlane['kind'];
  readonly config: { readonly hash: string; readonly loadedAt: string };
  readonly workers: readonly {
    readonly index: number;
    readonly pid: number | null;
    readonly connections: number;
    readonly restarts: number;
  }[];
  readonly listeners: readonly {
    readonly name: string;
    readonly address: string;
    readonly connections: number;
  }[];
  /** Made as they are read: there may be very many. */
  readonly routes: Iterable<RouteSnapshot>;
  readonly routeCount: number;
  readonly upstreams: readonly UpstreamStatus[];
}

export interface UpstreamStatus {
  readonly name: string;
  readonly balance: Snapshot['upstreams'][number]['balance'];
  readonly connections: number;
  readonly endpoints: readonly EndpointStatus[];
}

export interface EndpointStatus {
  readonly endpoint: string;
  readonly weight: number;
  readonly state: EndpointState;
  readonly why: string;
  readonly connections: number;
  readonly lastProbe: {
    readonly at: string;
    readonly result: NonNullable<ProbeReport['lastProbe']>['result'];
    readonly why: string;
    readonly durationMs: number;
  } | null;
  readonly certificateExpiresAt: string | null;
}

/** What `total` says, and what the supervisor knows. */
export function reportMetrics(
  total: MetricsTotal,
  { snapshot, plane, watch, pool }: ServingProxy,
  reloads: ProxyMetrics['reloads'],
): ProxyMetrics {
  const endpoints = snapshot.upstreams.flatMap(({ name }) =>
    reportEach(watch, name).map(({ key, state, probe }) => ({
      upstream: name,
      endpoint: key,
      isUp: state === 'up',
      certificateExpiresAtMs: probe?.shown?.certificateExpiresAtMs,
    })),
  );
  return {
    ...total,
    listeners: snapshot.listeners.map(({ name }) => name),
    endpoints,
    reloads,
    configHash: snapshot.hash,
    plane,
    workerRestarts: pool.workers.reduce((sum, { restarts }) => sum + restarts, 0),
  };
}

export async function reportStatus({
  snapshot,
  loadedAt,
  plane,
  served,
  watch,
  pool,
}: ServingProxy): Promise<ProxyStatus> {
  const { liveByListener, liveByEndpoint } = await pool.live();
  const routes = new RouteList<RouteAction>(snapshot.routes);
  return {
    dataPlane: plane,
    config: { hash: snapshot.hash, loadedAt: loadedAt.toISOString() },
    workers: pool.workers.map(({ index, pid = null, connections, restarts }) => ({
      index,
      pid,
      connections,
      restarts,
    })),
    listeners: served.map(({ listener, address }) => ({
      name: listener,
      address: listenerAddress({ host: address.address, port: address.port }),
      connections: liveByListener.get(listener) ?? 0,
    })),
    routes,
    routeCount: routes.length,
    upstreams: snapshot.upstreams.map((settings) =>
      upstreamStatus(settings, watch, new Map(liveByEndpoint.get(settings.name))),
    ),
  };
}

/** `live`: connections by endpoint; used up. */
function upstreamStatus(
  settings: UpstreamSnapshot,
  watch: UpstreamWatch,
  live: Map<string, number>,
): UpstreamStatus {
  const { name, balance } = settings;
  const reports = reportEach(watch, name);
  const connections = [...live.values()].reduce((sum, count) => sum + count, 0);
  const endpoints = reports.map((report) => endpointStatus(report, settings, live.get(report.key) ?? 0));
  for (const source of watch.unresolved(name)) endpoints.push(resolving(source));
  for (const { key } of reports) live.delete(key);
  for (const [endpoint, count] of live)
    if (endpoint !== '' && count > 0) endpoints.push(draining(endpoint, count));
  return { name, balance, connections, endpoints };
}

function endpointStatus(
  report: EndpointReport,
  upstream: UpstreamSnapshot,
  connections: number,
): EndpointStatus {
  const { key, settings, state, probe } = report;
  const { lastProbe, shown } = probe ?? {};
  const expiresAtMs = shown?.certificateExpiresAtMs;
  return {
    endpoint: key,
    weight: settings.weight,
    state,
    why: state === 'up' ? whyUp(report, upstream) : report.why,
    connections,
    lastProbe: lastProbe
      ? {
          at: new Date(lastProbe.atMs).toISOString(),
          result: lastProbe.result,
          why: lastProbe.why,
          durationMs: Math.round(lastProbe.durationMs * 1000) / 1000,
        }
      : null,
    certificateExpiresAt: expiresAtMs === undefined ? null : new Date(expiresAtMs).toISOString(),
  };
}

/** What is known of an endpoint against which nothing is known. */
function whyUp(
  { settings, probe }: EndpointReport,
  { activeHealth, passiveHealth }: UpstreamSnapshot,
): string {
  if (settings.weight === 0) return 'weight 0: gets no new connections';
  if (activeHealth === undefined) {
    return passiveHealth === undefined ? 'nothing checks it' : 'no probes: real connections decide';
  }
  const lastProbe = probe?.lastProbe;
  if (lastProbe === undefined) return 'not probed yet';
  return lastProbe.result === 'passed' ? lastProbe.why : `the last probe failed: ${lastProbe.why}`;
}

/** Workers still have connections to it, and the configuration or DNS no longer names it. */
function draining(endpoint: string, connections: number): EndpointStatus {
  const why = 'no longer configured';
  return {
    endpoint,
    weight: 0,
    state: 'draining',
    why,
    connections,
    lastProbe: null,
    certificateExpiresAt: null,
  };
}

/** Stands for the endpoints that its name will turn out to have. */
function resolving({ name, weight, why }: ReturnType<UpstreamWatch['unresolved']>[number]): EndpointStatus {
  const unknown = { connections: 0, lastProbe: null, certificateExpiresAt: null };
  return { endpoint: name, weight, state: 'resolving', why, ...unknown };
}

/** Two names of an upstream may lead to one address: its weights there add up. */
function reportEach(watch: UpstreamWatch, upstream: string): EndpointReport[] {
  const byKey = new Map<string, EndpointReport>();
  for (const report of watch.report(upstream)) {
    const other = byKey.get(report.key);
    const weight = report.settings.weight + (other?.settings.weight ?? 0);
    byKey.set(report.key, { ...report, settings: { ...report.settings, weight } });
  }
  return [...byKey.values()];
}
