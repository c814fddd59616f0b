import { type Column, textTable } from '../../src/cli/text-table.ts';
import type { ClaimResult } from '../claims/claim.ts';
import type { Row, Section } from './summary.ts';

const none = '';

/** A number with three digits that count. */
export function short(value: number): string {
  if (value === 0) return '0';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return String(Number(value.toPrecision(3)));
}

function shown(value: number | undefined): string {
  return value === undefined ? none : short(value);
}

function columns(unit: string): readonly Column<Row>[] {
  return [
    { heading: '', cell: ({ subject }) => subject },
    { heading: `${unit}s/s`, cell: ({ figures }) => shown(figures.rate) },
    { heading: 'p50 µs', cell: ({ figures }) => shown(figures.p50Us) },
    { heading: 'p99 µs', cell: ({ figures }) => shown(figures.p99Us) },
    { heading: 'p99.9 µs', cell: ({ figures }) => shown(figures.p999Us) },
    { heading: `CPU µs a ${unit}`, cell: ({ figures }) => shown(figures.cpuUs) },
    { heading: 'instructions', cell: ({ figures }) => instructions(figures) },
    { heading: 'CPUs busy', cell: ({ figures }) => shown(figures.busy) },
    { heading: 'user bytes', cell: ({ figures }) => shown(figures.userBytes) },
    { heading: 'kernel bytes', cell: ({ figures }) => shown(figures.kernelBytes) },
    { heading: 'errors', cell: ({ figures }) => (figures.errors === 0 ? none : short(figures.errors)) },
    { heading: 'cost to the best peer', cell: ({ toBestPeer }) => (toBestPeer ? spread(toBestPeer) : none) },
    { heading: 'failed', cell: ({ failed }) => failed ?? none },
    { heading: 'not compared with', cell: ({ note }) => note ?? none },
  ];
}

function instructions({ cpuUs, instructions }: Row['figures']): string {
  if (instructions !== undefined) return short(instructions);
  return cpuUs === undefined ? none : 'n/a';
}

export function spread({ median, least, most }: { median: number; least: number; most: number }): string {
  return `${short(median)} (${short(least)}–${short(most)})`;
}

export function sectionLines(section: Section): string[] {
  const best = section.bestPeer === undefined ? '' : `; the best peer is ${section.bestPeer}`;
  return [`${section.name}: ${section.title}${best}`, ...textTable(section.rows, columns(section.unit))];
}

const claimColumns: readonly Column<ClaimResult>[] = [
  { heading: 'claim', cell: ({ title }) => title },
  { heading: 'wanted', cell: ({ most }) => `≤ ${most}` },
  { heading: 'measured', cell: ({ measured }) => (measured ? spread(measured) : none) },
  { heading: 'failed', cell: ({ failed }) => failed ?? none },
];

export function claimLines(claims: readonly ClaimResult[]): string[] {
  return textTable(claims, claimColumns);
}

/** The same as Markdown. */
export function markdownSection(section: Section): string[] {
  const shownColumns = columns(section.unit).filter(({ cell }) =>
    section.rows.some((row) => cell(row) !== none),
  );
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
  return [
    `### ${section.title}`,
    '',
    ...(section.bestPeer === undefined ? [] : [`Best peer: ${section.bestPeer}.`, '']),
    line(shownColumns.map(({ heading }) => heading)),
    line(shownColumns.map((_, i) => (i === 0 ? '---' : '--:'))),
    ...section.rows.map((row) => line(shownColumns.map(({ cell }) => cell(row)))),
    '',
  ];
}

export function markdownClaims(claims: readonly ClaimResult[]): string[] {
  return [
    '| claim | wanted | measured |',
    '| --- | --: | --: |',
    ...claims.map(({ title, most, measured, failed }) => {
      return `| ${title} | ≤ ${most} | ${measured ? spread(measured) : `failed: ${failed}`} |`;
    }),
  ];
}
