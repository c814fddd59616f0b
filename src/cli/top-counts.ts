import { refusals } from '../telemetry/counters.ts';
import { families } from '../telemetry/metric-families.ts';
import { type MetricSample, parseMetrics } from './metrics-text.ts';

/** What a row of `sluice top` counts since the proxy started. */
export interface RouteCounts {
  connections: number;
  bytesUp: number;
  bytesDown: number;
  refused: number;
  reset: number;
}

export interface EndpointCounts {
  readonly upstream: string;
  readonly endpoint: string;
  isUp: boolean;
  active: number;
  failures: number;
}

/** What the proxy says of itself at one time. */
export interface TopCounts {
  readonly atMs: number;
  plane: string;
  restarts: number;
  active: number;
  readonly routes: Map<string, RouteCounts>;
  /** By upstream and endpoint. */
  readonly endpoints: Map<string, EndpointCounts>;
  readonly refusals: Map<string, number>;
}

const resets: ReadonlySet<string> = new Set(['client_reset', 'upstream_reset']);
const refusalNames: ReadonlySet<string> = new Set(refusals);

/** Where each metric goes: the metrics that are asked for are these. */
const readers: Readonly<Record<string, (counts: TopCounts, sample: MetricSample) => void>> = {
  [families.connections.name]: (counts, { labels, value }) => {
    const route = routeOf(counts, labels.get('route') ?? '');
    const outcome = labels.get('outcome') ?? '';
    route.connections += value;
    if (resets.has(outcome)) route.reset += value;
    if (refusalNames.has(outcome)) route.refused += value;
  },
  [families.connectionsActive.name]: (counts, { value }) => {
    counts.active += value;
  },
  [families.rejected.name]: (counts, { labels, value }) => {
    const reason = labels.get('reason') ?? '';
    counts.refusals.set(reason, (counts.refusals.get(reason) ?? 0) + value);
  },
  [families.bytes.name]: (counts, { labels, value }) => {
    const route = routeOf(counts, labels.get('route') ?? '');
    route[labels.get('direction') === 'up' ? 'bytesUp' : 'bytesDown'] += value;
  },
  [families.connectFailures.name]: (counts, { labels, value }) => {
    endpointOf(counts, labels).failures += value;
  },
  [families.endpointUp.name]: (counts, { labels, value }) => {
    endpointOf(counts, labels).isUp = value === 1;
  },
  [families.endpointConnections.name]: (counts, { labels, value }) => {
    endpointOf(counts, labels).active += value;
  },
  [families.plane.name]: (counts, { labels }) => {
    counts.plane = labels.get('plane') ?? '';
  },
  [families.restarts.name]: (counts, { value }) => {
    counts.restarts = value;
  },
};

/** What to ask the admin server for. */
export const topMetricsPath = `/metrics?${Object.keys(readers)
  .map((name) => `name[]=${name}`)
  .join('&')}`;

export function readCounts(text: string, atMs: number): TopCounts {
  const counts: TopCounts = {
    atMs,
    plane: '',
    restarts: 0,
    active: 0,
    routes: new Map(),
    endpoints: new Map(),
    refusals: new Map(),
  };
  for (const sample of parseMetrics(text)) readers[sample.name]?.(counts, sample);
  return counts;
}

function routeOf({ routes }: TopCounts, name: string): RouteCounts {
  const known = routes.get(name);
  if (known !== undefined) return known;
  const counts = { connections: 0, bytesUp: 0, bytesDown: 0, refused: 0, reset: 0 };
  routes.set(name, counts);
  return counts;
}

function endpointOf({ endpoints }: TopCounts, labels: MetricSample['labels']): EndpointCounts {
  const upstream = labels.get('upstream') ?? '';
  const endpoint = labels.get('endpoint') ?? '';
  const key = `${upstream}\n${endpoint}`;
  const known = endpoints.get(key);
  if (known !== undefined) return known;
  const counts = { upstream, endpoint, isUp: true, active: 0, failures: 0 };
  endpoints.set(key, counts);
  return counts;
}
