import type { DataPlane } from '../data-plane/data-plane.ts';
import { outcomes } from '../data-plane/outcome.ts';
import { inSlices } from '../event-loop/in-slices.ts';
import {
  type CounterSums,
  connectDurationBounds,
  connectionDurationBounds,
  featureLabels,
  helloBytesBounds,
  helloDurationBounds,
  refusals,
} from './counters.ts';
import { Exposition, type WriteRow } from './exposition.ts';
import type { Bounds } from './histogram.ts';
import { families, type MetricFamily } from './metric-families.ts';
import type { LiveCounts } from './metrics-report.ts';
import type { TallySum } from './tally-sum.ts';

/** All that the metrics are made from, of the whole proxy. */
export interface ProxyMetrics extends LiveCounts {
  readonly counters: CounterSums;
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

/** So many rows are written in one step. */
const rowsPerStep = 10;

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
  const columns = (
    family: MetricFamily,
    sum: TallySum,
    names: readonly string[],
    zeros: 'shown' | 'left out',
  ) => rows(out, family, sum, out.columns(family, names, zeros));
  const histogram = (family: MetricFamily, sum: TallySum, bounds: Bounds) =>
    rows(out, family, sum, out.histogram(family, bounds));
  yield* columns(families.connections, counters.connections, outcomes, 'left out');
  liveConnections(out, metrics);
  yield* columns(families.rejected, counters.rejected, refusals, 'left out');
  yield* columns(families.bytes, counters.bytes, ['up', 'down'], 'shown');
  yield* histogram(families.helloDuration, counters.helloDuration, helloDurationBounds);
  yield* histogram(families.connectDuration, counters.connectDuration, connectDurationBounds);
  yield* histogram(families.connectionDuration, counters.connectionDuration, connectionDurationBounds);
  yield* histogram(families.helloBytes, counters.helloBytes, helloBytesBounds);
  yield* columns(families.helloFeatures, counters.helloFeatures, featureLabels, 'shown');
  yield* rows(out, families.connectFailures, counters.connectFailures, out.single(families.connectFailures));
  yield* endpoints(out, metrics);
  proxy(out, metrics);
}

function* rows(out: Exposition, family: MetricFamily, sum: TallySum, write: WriteRow): Generator<void> {
  if (!out.family(family)) return;
  const { labels, values, width } = sum;
  // Those that come meanwhile are for the next time.
  const rowCount = labels.length;
  for (let row = 0; row < rowCount; row++) {
    write(labels[row] ?? '', values, row * width);
    if (row % rowsPerStep === 0) yield;
  }
}

function liveConnections(out: Exposition, { liveByListener, listeners }: ProxyMetrics): void {
  if (!out.family(families.connectionsActive)) return;
  for (const listener of new Set([...listeners, ...liveByListener.keys()])) {
    out.sample(families.connectionsActive, [listener], liveByListener.get(listener) ?? 0);
  }
}

function* endpoints(out: Exposition, { endpoints: all, liveByEndpoint }: ProxyMetrics): Generator<void> {
  const showsState = out.family(families.endpointUp);
  for (const { upstream, endpoint, isUp } of all) {
    yield;
    if (showsState) out.sample(families.endpointUp, [upstream, endpoint], isUp ? 1 : 0);
  }
  const showsConnections = out.family(families.endpointConnections);
  for (const [upstream, counts] of liveByEndpoint) {
    for (const [endpoint, count] of counts) {
      yield;
      if (showsConnections) out.sample(families.endpointConnections, [upstream, endpoint], count);
    }
  }
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
  single(families.splicedBytes, counters.splicedBytes.values[0] ?? 0);
  single(families.acceptFailures, counters.acceptFailures.values[0] ?? 0);
  single(families.linesLost, counters.accessLogLinesLost.values[0] ?? 0);
}
