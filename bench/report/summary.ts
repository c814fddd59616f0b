import type { Cell, Rounds } from '../rounds.ts';
import type { Subject } from '../subjects.ts';
import type { Figures, Workload } from '../workloads/workload.ts';
import { type Spread, spreadOf } from './statistics.ts';

/** A peer with more errors than this, for each thing it did, is nobody to be compared with. */
const mostErrorShare = 0.001;

export interface Row {
  readonly subject: string;
  /** Medians of the rounds; errors are added up. */
  readonly figures: Figures;
  /** Its cost over that of the best peer, round by round. */
  readonly toBestPeer?: Spread;
  readonly failed?: string;
  /** Why a peer is not compared with, however little it costs. */
  readonly note?: string;
}

export interface Section {
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  readonly cost: Workload['cost'];
  readonly bestPeer?: string;
  readonly rows: readonly Row[];
}

export function summarize(rounds: Rounds): Section[] {
  return rounds.workloads.map((workload) => sectionOf(rounds, workload));
}

function sectionOf(rounds: Rounds, workload: Workload): Section {
  const { name, title, unit, cost } = workload;
  const best = bestPeer(rounds, workload);
  const rows = rounds.subjects.map((subject): Row => {
    const cells = rounds.cells(workload, subject);
    const failed = cells.flatMap((cell) => ('failed' in cell ? [cell.failed] : []))[0];
    const note = isSameJob(workload, subject) ? {} : { note: 'ends both ways at once' };
    const toBestPeer = best && spreadOf(ratios(cells, rounds.cells(workload, best), cost));
    return {
      subject: subject.name,
      figures: medians(cells.flatMap((cell) => ('failed' in cell ? [] : [cell]))),
      ...(toBestPeer === undefined ? {} : { toBestPeer }),
      ...(failed === undefined ? {} : { failed }),
      ...note,
    };
  });
  return { name, title, unit, cost, ...(best === undefined ? {} : { bestPeer: best.name }), rows };
}

function bestPeer(rounds: Rounds, workload: Workload): Subject | undefined {
  const costs = rounds.subjects.flatMap((subject) => {
    const cells = rounds.cells(workload, subject);
    const cost = spreadOf(cells.flatMap((cell) => costOf(cell, workload.cost)))?.median;
    const isRival = subject.isPeer && isSameJob(workload, subject);
    return isRival && cost !== undefined && cells.every(isClean) ? [{ subject, cost }] : [];
  });
  return costs.toSorted((a, b) => a.cost - b.cost)[0]?.subject;
}

/** Where connections end, one that ends both ways at once does less than what is asked. */
function isSameJob({ endsConnections = false }: Workload, { passesHalfClose }: Subject): boolean {
  return passesHalfClose || !endsConnections;
}

function isClean(cell: Cell): boolean {
  return !('failed' in cell) && (cell.rate === undefined || cell.errors <= cell.rate * mostErrorShare);
}

function costOf(cell: Cell, cost: Workload['cost']): number[] {
  const value = 'failed' in cell ? undefined : cell[cost];
  return value === undefined ? [] : [value];
}

function ratios(own: readonly Cell[], others: readonly Cell[], cost: Workload['cost']): number[] {
  return own.flatMap((cell, round) => {
    const [mine] = costOf(cell, cost);
    const other = others[round];
    const [theirs] = other === undefined ? [] : costOf(other, cost);
    return mine === undefined || theirs === undefined ? [] : [mine / theirs];
  });
}

const measured = [
  'rate',
  'p50Us',
  'p99Us',
  'p999Us',
  'cpuUs',
  'busy',
  'instructions',
  'userBytes',
  'kernelBytes',
] as const;

function medians(all: readonly Figures[]): Figures {
  const entries = measured.flatMap((name) => {
    const values = all.map((figures) => figures[name]).filter((value) => value !== undefined);
    const median = spreadOf(values)?.median;
    return median === undefined ? [] : [[name, median] as const];
  });
  return { ...Object.fromEntries(entries), errors: all.reduce((sum, { errors }) => sum + errors, 0) };
}
