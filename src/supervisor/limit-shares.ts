import { randomBytes } from 'node:crypto';
import { closeSync } from 'node:fs';

import type { Logger } from 'pino';

import type { Snapshot, UpstreamSnapshot } from '../config/snapshot.ts';
import type { SharedMemory } from '../data-plane/load-plane.ts';
import { column, LimitMemory } from '../upstream/limits/limit-memory.ts';

/** Processes that overlap: workers, their successors, and former ones that drain. */
const fewestProcesses = 64;
const processesPerWorker = 4;
/** Upstreams with a limit, those included that a reload has removed while they had connections. */
const columns = 65_536;
/** Some 20 MB of them at the very most, with 64 processes. */
const sources = 65_536;

/** Undefined, and said where it matters: each worker has to keep to its part of every limit. */
export function shareLimits(
  addon: SharedMemory | undefined,
  snapshot: Snapshot,
  log: Logger,
): LimitShares | undefined {
  let reason = 'no addon';
  try {
    if (addon !== undefined) return LimitShares.open(addon, snapshot.workers);
  } catch (error) {
    reason = String(error);
  }
  if (snapshot.workers > 1 && hasLimits(snapshot))
    log.warn({ reason }, 'limits are divided among the workers: one may refuse while another has room');
  return undefined;
}

function hasLimits({ limits, upstreams }: Snapshot): boolean {
  const { maxConnections, maxConnectionsPerSource, newConnectionsPerSource } = limits;
  const ofProxy = maxConnections ?? maxConnectionsPerSource ?? newConnectionsPerSource;
  return ofProxy !== undefined || upstreams.some((upstream) => upstream.maxConnections !== undefined);
}

/**
 * The memory in which the workers keep the proxy's limits together: who may write where, and that nothing of a dead
 * worker remains in it.
 */
export class LimitShares {
  /** For the workers to inherit. */
  readonly fd: number;
  readonly #memory: LimitMemory;
  readonly #rows = new Set<number>();
  readonly #columns = new Map<string, number>();
  #nextColumn: number = column.firstUpstream;
  readonly #freeColumns: number[] = [];

  private constructor(fd: number, memory: LimitMemory) {
    this.fd = fd;
    this.#memory = memory;
  }

  /** Throws Node's system errors. */
  static open(addon: SharedMemory, workerCount: number): LimitShares {
    const processes = Math.max(fewestProcesses, workerCount * processesPerWorker);
    const layout = { processes, columns, sources };
    const fd = addon.createSharedMemory(LimitMemory.sizeOf(layout));
    const secret = randomBytes(8);
    const seeds = [secret.readInt32LE(0), secret.readInt32LE(4)] as const;
    return new LimitShares(fd, LimitMemory.initialize(addon.mapSharedMemory(fd), layout, seeds));
  }

  /** The row for a process about to start; undefined where there are too many. */
  enter(): number | undefined {
    let row = 0;
    while (this.#rows.has(row)) row += 1;
    if (row >= this.#memory.processes) return undefined;
    this.#rows.add(row);
    this.#memory.useRow(row);
    return row;
  }

  /** The process has gone: what it held is free. */
  leave(row: number): void {
    this.#memory.clearRow(row, this.#nextColumn);
    this.#rows.delete(row);
  }

  /** Where the connections of each upstream with a limit are counted. An upstream keeps its place over reloads. */
  columnsOf(upstreams: readonly UpstreamSnapshot[]): ReadonlyMap<string, number> {
    const found = new Map<string, number>();
    for (const { name, maxConnections } of upstreams) {
      if (maxConnections === undefined) continue;
      const at = this.#columns.get(name) ?? this.#newColumn(name);
      if (at !== undefined) found.set(name, at);
    }
    return found;
  }

  /** No worker begins with other upstreams any more: the places of those without connections can be others'. */
  keepOnly(upstreams: readonly UpstreamSnapshot[]): void {
    const kept = new Set(upstreams.filter(({ maxConnections }) => maxConnections).map(({ name }) => name));
    for (const [name, at] of this.#columns) {
      if (kept.has(name) || !this.#isUnused(at)) continue;
      this.#columns.delete(name);
      this.#freeColumns.push(at);
    }
  }

  close(): void {
    closeSync(this.fd);
  }

  /** One that was never used comes first: then nobody late writes to it. */
  #newColumn(name: string): number | undefined {
    const at = this.#nextColumn < this.#memory.columns ? this.#nextColumn : this.#freeColumns.shift();
    if (at === undefined) return undefined;
    this.#nextColumn = Math.max(this.#nextColumn, at + 1);
    this.#columns.set(name, at);
    return at;
  }

  #isUnused(at: number): boolean {
    const { counts, processes, rowsUsed } = this.#memory;
    return counts.subarray(at * processes, at * processes + rowsUsed).every((count) => count === 0);
  }
}
