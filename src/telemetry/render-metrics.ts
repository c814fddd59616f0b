import type { DataPlane } from '../data-plane/data-plane.ts';
import { type Outcome, outcomes } from '../data-plane/outcome.ts';
import { inSlices } from '../event-loop/in-slices.ts';
import {
  type Counters,
  connectDurationBounds,
  connectionDurationBounds,
  featureLabels,
  helloBytesBounds,
  helloDurationBounds,
} from './counters.ts';
import { Exposition } from './exposition.ts';
import type { Bounds } from './histogram.ts';
import { families, type MetricFamily } from './metric-families.ts';
import { Tally } from './tally.ts';

/** All that the metrics are made from, of the whole proxy. */
export interface ProxyMetrics {
  readonly counters: Counters;
  readonly liveByListener: Tally;
  readonly liveByEndpoint: Tally;
  readonly listeners: readonly string[];
  readonly endpoints: readonly EndpointMetrics[];
  readonly reloads: { readonly success: number; readonly failure: number };
  readonly configHash: string;
  readonly plane: DataPlane['kind'];
  readonly workerRestarts: number;
}

export interface EndpointMetrics {
  readonly upstream: string;
  readonly endpoint: string;
  readonly isUp: boolean;
  readonly certificateExpiresAtMs: number | undefined;
}

/** Outcomes that are the proxy's own refusal, by which `rejected_total` counts its reasons. */
export const refusals: ReadonlySet<Outcome> = new Set([
  'not_tls',
  'malformed_hello',
  'hello_too_large',
  'hello_timeout',
  'no_route',
  'rejected',
  'upstream_unreachable',
  'upstream_full',
  'source_limited',
  'bad_proxy_header',
  'name_not_allowed',
]);

/** Resolves with the text in pieces. `wanted`: names of metrics; undefined: all. */
export async function renderMetrics(
  metrics: ProxyMetrics,
  wanted?: ReadonlySet<string>,
): Promise<Uint8Array[]> {
  const out = new Exposition(wanted);
  await inSlices(render(out, metrics));
  return out.chunks();
}

/** By steps. */
function* render(out: Exposition, metrics: ProxyMetrics): Generator<void> {
  const { counters } = metrics;
  yield* connections(out, metrics);
  yield* columns(out, families.bytes, counters.bytes, ['up', 'down']);
  yield* histograms(out, families.helloDuration, counters.helloDuration, helloDurationBounds);
  yield* histograms(out, families.connectDuration, counters.connectDuration, connectDurationBounds);
  yield* histograms(out, families.connectionDuration, counters.connectionDuration, connectionDurationBounds);
  yield* histograms(out, families.helloBytes, counters.helloBytes, helloBytesBounds);
  yield* columns(out, families.helloFeatures, counters.helloFeatures, featureLabels);
  yield* samples(out, families.connectFailures, counters.connectFailures);
  yield* endpoints(out, metrics);
  proxy(out, metrics);
}

function* connections(
  out: Exposition,
  { counters, liveByListener, listeners }: ProxyMetrics,
): Generator<void> {
  const rejected = new Tally(1);
  const isWanted = out.family(families.connections);
  for (const { labels, row } of counters.connections.rows) {
    yield;
    const [listener = '', route = ''] = labels;
    for (const [i, outcome] of outcomes.entries()) {
      const count = row[i] ?? 0;
      if (count === 0) continue;
      if (isWanted) out.sample(families.connections, [listener, route, outcome], count);
      if (!refusals.has(outcome)) continue;
      const reason = rejected.row(listener, outcome);
      reason[0] = (reason[0] ?? 0) + count;
    }
  }
  for (const listener of listeners) liveByListener.row(listener);
  yield* samples(out, families.connectionsActive, liveByListener);
  yield* samples(out, families.rejected, rejected);
}

function* endpoints(out: Exposition, { endpoints: all, liveByEndpoint }: ProxyMetrics): Generator<void> {
  const showsState = out.family(families.endpointUp);
  for (const { upstream, endpoint, isUp } of all) {
    yield;
    if (showsState) out.sample(families.endpointUp, [upstream, endpoint], isUp ? 1 : 0);
  }
  yield* samples(out, families.endpointConnections, liveByEndpoint);
  const showsExpiry = out.family(families.certificateExpiry);
  for (const { upstream, endpoint, certificateExpiresAtMs } of all) {
    if (showsExpiry && certificateExpiresAtMs !== undefined)
      out.sample(families.certificateExpiry, [upstream, endpoint], Math.floor(certificateExpiresAtMs / 1000));
  }
}

function proxy(
  out: Exposition,
  { counters, reloads, configHash, plane, workerRestarts }: ProxyMetrics,
): void {
  const single = (family: MetricFamily, value: number, ...labels: string[]) => {
    if (out.family(family)) out.sample(family, labels, value);
  };
  if (out.family(families.reloads)) {
    for (const [result, count] of Object.entries(reloads)) out.sample(families.reloads, [result], count);
  }
  single(families.config, 1, configHash);
  single(families.restarts, workerRestarts);
  single(families.plane, 1, plane);
  single(families.splicedBytes, counters.splicedBytes.row()[0] ?? 0);
  single(families.acceptFailures, counters.acceptFailures.row()[0] ?? 0);
  single(families.linesLost, counters.accessLogLinesLost.row()[0] ?? 0);
}

function* samples(out: Exposition, family: MetricFamily, tally: Tally): Generator<void> {
  if (!out.family(family)) return;
  for (const { labels, row } of tally.rows) {
    yield;
    out.sample(family, labels, row[0] ?? 0);
  }
}

/** Each column is a value of the last label. */
function* columns(
  out: Exposition,
  family: MetricFamily,
  tally: Tally,
  names: readonly string[],
): Generator<void> {
  if (!out.family(family)) return;
  for (const { labels, row } of tally.rows) {
    yield;
    for (const [i, name] of names.entries()) out.sample(family, [...labels, name], row[i] ?? 0);
  }
}

function* histograms(out: Exposition, family: MetricFamily, tally: Tally, bounds: Bounds): Generator<void> {
  if (!out.family(family)) return;
  const write = out.histogram(family, bounds);
  for (const row of tally.rows) {
    yield;
    write(row);
  }
}
