import { createHash } from 'node:crypto';

import { packRoutes } from '../routing/pack-routes.ts';
import type { DialAddress } from './address.ts';
import { availableCpuCount } from './cpu-count.ts';
import type { ListenerConfig } from './listener-schema.ts';
import { nameRoutes } from './route-names.ts';
import type { RouteConfig } from './route-schema.ts';
import type { AdminConfig, Config } from './schema.ts';
import type {
  ActiveHealthSnapshot,
  AdminSnapshot,
  EndpointSnapshot,
  ListenerSnapshot,
  PassiveHealthSnapshot,
  RouteSnapshot,
  Snapshot,
  UpstreamSnapshot,
} from './snapshot.ts';
import type { EndpointConfig, UpstreamConfig } from './upstream-schema.ts';

/** The snapshot of a configuration that has been checked. */
export function compile(config: Config): Snapshot {
  const { dataPlane, limits, timeouts, log, user, watch } = config;
  const routes = compileRoutes(config.routes);
  const snapshot = {
    dataPlane,
    listeners: config.listeners.map(compileListener),
    routes,
    upstreams: Object.entries(config.upstreams).map(([name, upstream]) => compileUpstream(name, upstream)),
    limits: {
      maxConnections: limits.maxConnections,
      maxConnectionsPerSource: limits.maxConnectionsPerSource,
      newConnectionsPerSource: limits.newConnectionsPerSource,
    },
    timeouts: { idleMs: timeouts.idle, halfClosedMs: timeouts.halfClosed, drainMs: timeouts.drain },
    admin: config.admin === false ? undefined : compileAdmin(config.admin),
    log,
    user,
    watch,
  };
  const workers = config.workers === 'auto' ? availableCpuCount() : config.workers;
  return { hash: hashOf(snapshot, config.workers), workers, ...snapshot, routes: packRoutes(routes) };
}

export function compileRoutes(routes: readonly RouteConfig[]): RouteSnapshot[] {
  const names = nameRoutes(routes);
  return routes.map((route, i) => compileRoute(route, names[i] ?? ''));
}

function compileRoute(route: RouteConfig, name: string): RouteSnapshot {
  const { serverNames, wildcard, alpn, sources, listeners, upstream, reject } = route;
  return {
    name,
    ...(serverNames && { serverNames: [...new Set(serverNames)] }),
    wildcard,
    ...(alpn && { alpn: [...new Set(alpn)] }),
    ...(sources && { sources: [...new Set(sources)] }),
    ...(listeners && { listeners: [...new Set(listeners)] }),
    // Exactly one of them is there: the schema has seen to it.
    action:
      reject === undefined ? { kind: 'forward', upstream: upstream ?? '' } : { kind: 'reject', how: reject },
  };
}

function compileListener(listener: ListenerConfig): ListenerSnapshot {
  const { name, address, acceptProxyProtocol, helloTimeout, maxHelloBytes } = listener;
  const acceptProxyFrom = acceptProxyProtocol?.from;
  return { name, ...address, acceptProxyFrom, helloTimeoutMs: helloTimeout, maxHelloBytes };
}

function compileUpstream(name: string, upstream: UpstreamConfig): UpstreamSnapshot {
  const { sendProxyProtocol, health } = upstream;
  return {
    name,
    endpoints: (upstream.endpoints ?? []).map(compileEndpoint),
    serverName: upstream.serverName,
    balance: upstream.balance,
    connectTimeoutMs: upstream.connectTimeout,
    connectAttempts: upstream.connectAttempts,
    sendProxyProtocol: sendProxyProtocol && {
      version: sendProxyProtocol.version,
      tlvs: [...new Set(sendProxyProtocol.tlvs)],
    },
    maxConnections: upstream.maxConnections,
    activeHealth: health.active && compileActiveHealth(health.active),
    passiveHealth: health.passive === false ? undefined : compilePassiveHealth(health.passive),
    slowStartMs: upstream.slowStart,
  };
}

export function compileEndpoint(endpoint: EndpointConfig): EndpointSnapshot {
  if (!('weight' in endpoint)) return endpointAt(endpoint, 1);
  const { address, dns, srv, weight } = endpoint;
  const at = address ?? dns;
  return at === undefined ? { kind: 'srv', name: srv ?? '', weight } : endpointAt(at, weight);
}

/** A host that is a name has address records, of which there may be several: the same as `dns`. */
function endpointAt({ host, isName, port }: DialAddress, weight: number): EndpointSnapshot {
  return isName ? { kind: 'dns', name: host, port, weight } : { kind: 'address', host, port, weight };
}

type HealthConfig = UpstreamConfig['health'];

function compileActiveHealth(active: NonNullable<HealthConfig['active']>): ActiveHealthSnapshot {
  const { probe, interval, timeout, healthyAfter, unhealthyAfter, serverName } = active;
  return { probe, intervalMs: interval, timeoutMs: timeout, healthyAfter, unhealthyAfter, serverName };
}

function compilePassiveHealth(passive: Exclude<HealthConfig['passive'], false>): PassiveHealthSnapshot {
  const { failures, window, ejectFor, maxEjected } = passive;
  return { failures, windowMs: window, ejectForMs: ejectFor, maxEjectedShare: maxEjected };
}

function compileAdmin({ address, token }: AdminConfig): AdminSnapshot | undefined {
  return address === false ? undefined : { address, token };
}

/**
 * `workers` as configured, not as counted: the same file has the same hash on every machine. Listeners, routes and
 * upstreams in the order of their names, as theirs in the file means nothing.
 */
function hashOf(
  snapshot: Omit<Snapshot, 'hash' | 'workers' | 'routes'> & { readonly routes: readonly RouteSnapshot[] },
  workers: Config['workers'],
): string {
  const { listeners, routes, upstreams, ...rest } = snapshot;
  const hash = createHash('sha256').update(JSON.stringify({ workers, ...rest }));
  for (const named of [listeners, routes, upstreams]) {
    hash.update('\n');
    for (const each of named.toSorted((a, b) => (a.name < b.name ? -1 : 1)))
      hash.update(JSON.stringify(each));
  }
  return hash.digest('hex');
}
