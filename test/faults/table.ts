import type { FaultFigures, Held } from './figures.ts';

/** The recorded faults as Markdown. */
export function faultTable(figures: readonly FaultFigures[]): string {
  const head = [
    '| fault | plane | times | what happened | others served, lost | their p99, ms: quiet → during | descriptors idle → peak → after | PSS, MiB |',
    '|---|---|---|---|---|---|---|---|',
  ];
  return [...head, ...figures.map(row)].join('\n');
}

function row(figures: FaultFigures): string {
  const { fault, promise, plane, times, outcomes, others, othersLost, idle, peak, after } = figures;
  const counts = Object.entries(outcomes).map(([outcome, count]) => `${number(count)} \`${outcome}\``);
  const cells = [
    fault,
    plane,
    number(times),
    `${promise}: ${counts.join(', ')}`,
    `${number(others)}, ${othersLost}`,
    latencies(figures),
    held([idle, peak, after], ({ descriptors }) => number(descriptors)),
    held([idle, peak, after], ({ pssKib }) => number(Math.round(pssKib / 1024))),
  ];
  return `| ${cells.join(' | ')} |`;
}

function latencies({ p99QuietMs, p99DuringMs, flatOut }: FaultFigures): string {
  if (p99DuringMs === undefined) return '–';
  const looked = `${p99QuietMs.toFixed(1)} → ${p99DuringMs.toFixed(1)}`;
  if (flatOut === undefined) return looked;
  return `${looked}; ${flatOut.p99Ms.toFixed(1)} at ${number(Math.round(flatOut.perSecond))}/s`;
}

/** Not every fault looks at the peak: some are over at once. */
function held(all: readonly Held[], show: (held: Held) => string): string {
  return all
    .filter(({ pssKib }) => pssKib > 0)
    .map(show)
    .join(' → ');
}

function number(count: number): string {
  return count.toLocaleString('en').replaceAll(',', ' ');
}
