import type { EndpointSnapshot, RouteAction, Snapshot, UpstreamSnapshot } from '../config/snapshot.ts';
import { type ConsideredRoute, explainRoute } from '../routing/explain.ts';
import { packRoutes } from '../routing/pack-routes.ts';
import type { RouteHead } from '../routing/route-list.ts';
import { RouteTable } from '../routing/route-table.ts';
import { normalizeServerName } from '../routing/server-name.ts';
import { tlsAlert, tlsAlertName } from '../tls/alert.ts';

/** A connection to be explained. */
export interface Asked {
  /** As the client sends it; undefined: it sends none. */
  readonly serverName: string | undefined;
  readonly alpn: readonly string[];
  readonly source: string | undefined;
  readonly listener: string;
}

/** Where a connection would go, the winning route first, and what became of the others; lines for people. */
export function explainConnection(snapshot: Snapshot, asked: Asked): string[] {
  const serverName = asked.serverName === undefined ? undefined : normalizeServerName(asked.serverName);
  const query = { ...asked, serverName, plainTcp: false };
  const { winner, considered } = explainRoute(new RouteTable<RouteAction>(snapshot.routes), query);
  const lines = winner === undefined ? [noRoute] : explainWinner(winner, snapshot.upstreams, serverName);
  const won = considered.find(({ verdict }) => verdict === 'won');
  if (won !== undefined) lines.push(`  why: ${won.why}`);
  if (asked.serverName !== undefined && serverName === undefined) {
    lines.push(
      `  ${JSON.stringify(asked.serverName)} is no server name: only routes without serverNames are for it`,
    );
  }
  if (snapshot.listeners.length > 1) lines.push(`  listener: ${asked.listener}`);
  lines.push(
    ...explainOthers(
      'beaten',
      considered.filter(({ verdict }) => verdict === 'lost'),
    ),
  );
  lines.push(
    ...explainOthers(
      'passed over',
      considered.filter(({ verdict }) => verdict === 'passed-over'),
    ),
  );
  return lines;
}

const noRoute = `no route: refused with ${describeAlert(tlsAlert.unrecognized_name)}`;

function describeAlert(alert: number): string {
  return `the TLS alert ${tlsAlertName(alert)} (${alert})`;
}

function explainWinner(
  { name, action }: RouteHead<RouteAction>,
  upstreams: readonly UpstreamSnapshot[],
  serverName: string | undefined,
): string[] {
  if (action.kind === 'reject') {
    const how = typeof action.how === 'string' ? action.how : describeAlert(action.how.alert);
    return [`route ${name}: refused with ${how}`];
  }
  const upstream = upstreams.find((each) => each.name === action.upstream);
  const endpoints = upstream === undefined ? [] : describeEndpoints(upstream, serverName);
  return [`route ${name}: forwarded to upstream ${action.upstream}`, `  endpoints: ${endpoints.join(', ')}`];
}

function describeEndpoints(upstream: UpstreamSnapshot, asked: string | undefined): string[] {
  if (upstream.serverName === undefined) return upstream.endpoints.map(describeEndpoint);
  const { port, allow } = upstream.serverName;
  if (asked === undefined) return ['none, as there is no server name to connect to: refused'];
  if (isAllowed(asked, allow)) return [`${asked}:${port}, the name asked for`];
  return [`none, as ${asked} is not in its "allow": refused`];
}

function isAllowed(asked: string, allow: readonly string[]): boolean {
  const table = new RouteTable(packRoutes([{ name: '', serverNames: allow, wildcard: 'any-depth' }]));
  return (
    table.find({ serverName: asked, alpn: [], source: undefined, listener: '', plainTcp: false }) !==
    undefined
  );
}

function describeEndpoint(endpoint: EndpointSnapshot): string {
  const weight = endpoint.weight === 1 ? '' : ` (weight ${endpoint.weight})`;
  if (endpoint.kind === 'srv') return `srv ${endpoint.name}${weight}`;
  if (endpoint.kind === 'dns') return `dns ${endpoint.name}:${endpoint.port}${weight}`;
  const host = endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host;
  return `${host}:${endpoint.port}${weight}`;
}

function explainOthers(heading: string, routes: readonly ConsideredRoute<RouteAction>[]): string[] {
  return routes.length === 0
    ? []
    : [`${heading}:`, ...routes.map(({ route, why }) => `  route ${route.name}: ${why}`)];
}
