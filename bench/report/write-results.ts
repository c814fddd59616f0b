import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClaimResult } from '../claims/claim.ts';
import type { Section } from './summary.ts';
import { svgChart } from './svg-chart.ts';
import { markdownClaims, markdownSection } from './tables.ts';

export interface Results {
  readonly date: string;
  readonly command: string;
  readonly machine: Readonly<Record<string, string | number>>;
  readonly placement: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly rounds: number;
  readonly secondsEach: number;
  readonly sections: readonly Section[];
  readonly claims: readonly ClaimResult[];
}

/** results.json, results.svg and README.md. */
export function writeResults(folder: string, results: Results): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'results.json'), `${JSON.stringify(results, rounded, 2)}\n`);
  writeFileSync(join(folder, 'results.svg'), svgChart(results.sections));
  writeFileSync(join(folder, 'README.md'), markdown(results));
}

/** Five digits are more than any of this is worth. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(5)) : value;
}

function markdown(results: Results): string {
  const { machine, versions } = results;
  const facts = {
    date: results.date,
    command: `\`${results.command}\``,
    ...machine,
    placement: results.placement,
    ...versions,
    measured: `${results.rounds} alternating rounds of ${results.secondsEach} s each`,
  };
  return [
    '# Results',
    '',
    'Medians of all rounds. *Cost to the best peer*: the processor time (for one connection the p50, for idle',
    'connections the memory) over that of the peer with the lowest, round by round: median (least–most). What each',
    'column means, and what it does not, is in [docs/performance.md](../../docs/performance.md).',
    '',
    '| | |',
    '| --- | --- |',
    ...Object.entries(facts).map(([name, value]) => `| ${name} | ${value} |`),
    '',
    '![cost of each operation](results.svg)',
    '',
    ...results.sections.flatMap(markdownSection),
    ...(results.claims.length > 0
      ? ['## What the native plane promises', '', ...markdownClaims(results.claims), '']
      : []),
  ].join('\n');
}
