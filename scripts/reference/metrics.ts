import { outcomes } from '../../src/data-plane/outcome.ts';
import {
  connectDurationBounds,
  connectionDurationBounds,
  featureLabels,
  helloBytesBounds,
  helloDurationBounds,
} from '../../src/telemetry/counters.ts';
import { families } from '../../src/telemetry/metric-families.ts';
import { code, markdownTable } from './markdown.ts';

const bounds: Readonly<Record<string, readonly number[]>> = {
  [families.helloDuration.name]: helloDurationBounds,
  [families.connectDuration.name]: connectDurationBounds,
  [families.connectionDuration.name]: connectionDurationBounds,
  [families.helloBytes.name]: helloBytesBounds,
};

/** The tables of `docs/metrics.md`. */
export function metricsReference(): string {
  const all = Object.values(families);
  const rows = all.map(({ name, type, labels, help }) => [
    code(name),
    type,
    labels.map(code).join(', ') || '–',
    help,
  ]);
  const buckets = all
    .filter(({ type }) => type === 'histogram')
    .map(({ name }) => [code(name), (bounds[name] ?? []).join(', ')]);
  return [
    markdownTable(['metric', 'type', 'labels', 'what it says'], rows),
    '## Buckets',
    markdownTable(['histogram', 'upper bounds'], buckets),
    '## Fixed labels',
    `- ${code('outcome')}, and ${code('reason')} of ${code(families.rejected.name)}: ${outcomes.map(code).join(', ')}.`,
    `- ${code('feature')}: ${featureLabels.map(code).join(', ')}.`,
  ].join('\n\n');
}
