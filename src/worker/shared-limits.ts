import { closeSync } from 'node:fs';

import { loadAddon } from '../data-plane/load-plane.ts';
import { LimitMemory } from '../upstream/limits/limit-memory.ts';
import { LiveLimit } from '../upstream/limits/live-limit.ts';
import { SharedCount } from '../upstream/limits/shared-count.ts';
import { SharedSources } from '../upstream/limits/shared-sources.ts';
import type { UpstreamCounts } from './upstream-entries.ts';

/** This process's part of the limits that all workers keep together. */
export class SharedLimits {
  readonly sources: SharedSources;
  readonly #memory: LimitMemory;
  readonly #row: number;
  readonly #counts = new Map<number, SharedCount>();

  constructor(memory: LimitMemory, row: number) {
    this.#memory = memory;
    this.#row = row;
    this.sources = new SharedSources(memory, row);
  }

  /** From the memory that the supervisor has opened, and closes the descriptor. Throws Node's system errors. */
  static take(fd: number, row: number): SharedLimits {
    const loaded = loadAddon();
    if (!loaded.ok) throw new Error(`the addon does not load: ${loaded.reason}`);
    const memory = new LimitMemory(loaded.addon.mapSharedMemory(fd));
    closeSync(fd);
    return new SharedLimits(memory, row);
  }

  /** On the connections of the whole proxy. */
  live(maxConnections: number): LiveLimit {
    return new LiveLimit(this.#memory, this.#row, maxConnections);
  }

  /** The same count for the same column every time. */
  upstreams(columns: ReadonlyMap<string, number>): UpstreamCounts {
    return (upstream) => {
      const column = columns.get(upstream);
      if (column === undefined) return undefined;
      let count = this.#counts.get(column);
      if (count === undefined) {
        count = new SharedCount(this.#memory, column, this.#row);
        this.#counts.set(column, count);
      }
      return count;
    };
  }
}
