import { setTimeout as delay } from 'node:timers/promises';

import { loadAddon } from '../../../src/data-plane/load-plane.ts';
import { LimitMemory } from '../../../src/upstream/limits/limit-memory.ts';
import { SharedCount } from '../../../src/upstream/limits/shared-count.ts';
import { SharedSources } from '../../../src/upstream/limits/shared-sources.ts';

/** Takes and gives back as fast as it can, and ends with 1 where it has seen a limit exceeded: see `processes.test.ts`. */

/** One: two cores are enough to exceed it. */
const limit = 1;
const columns = { hammered: 2, insideCount: 3, insideSource: 4, accepted: 5, arrived: 6 } as const;
const row = Number(process.argv[2]);
let stages = 0;

const loaded = loadAddon();
if (!loaded.ok) throw new Error(loaded.reason);
const memory = new LimitMemory(loaded.addon.mapSharedMemory(3));

/** Counts in a cell that all processes add to, which is what must be atomic here and nowhere else. */
function add(column: number, change: number): number {
  return Atomics.add(memory.counts, column * memory.processes, change) + change;
}

/** Waits until every process is here: they get in each other's way from the first turn on. */
async function meet(): Promise<void> {
  stages += 1;
  add(columns.arrived, 1);
  while (add(columns.arrived, 0) < stages * memory.processes) await delay(1);
}

function hammerCount(turns: number): void {
  const count = new SharedCount(memory, columns.hammered, row);
  for (let taken = 0; taken < turns; ) {
    if (!count.tryHold(1, limit)) continue;
    if (add(columns.insideCount, 1) > limit) process.exit(1);
    taken += 1;
    add(columns.insideCount, -1);
    count.hold(0);
  }
}

function hammerSources(turns: number): void {
  const sources = new SharedSources(memory, row, 0);
  sources.configure({ maxConnectionsPerSource: limit, newConnectionsPerSource: undefined });
  for (let taken = 0; taken < turns; ) {
    // Others come and go in the same bucket, so that the entry is taken away and put in again.
    const other = sources.accept(`198.51.100.${taken % 64}`, 0);
    if (other >= 0) sources.ended(other);
    const entry = sources.accept('192.0.2.1', 0);
    if (entry < 0) continue;
    if (add(columns.insideSource, 1) > limit) process.exit(1);
    taken += 1;
    add(columns.insideSource, -1);
    sources.ended(entry);
  }
}

function hammerTokens(turns: number): void {
  const sources = new SharedSources(memory, row, 0);
  const newConnectionsPerSource = { count: 100_000, perMs: 3_600_000 };
  sources.configure({ maxConnectionsPerSource: undefined, newConnectionsPerSource });
  for (let turn = 0; turn < turns; turn += 1) {
    const entry = sources.accept('203.0.113.1', 0);
    if (entry < 0) continue;
    add(columns.accepted, 1);
    sources.ended(entry);
  }
}

await meet();
hammerCount(200_000);
await meet();
hammerSources(100_000);
await meet();
hammerTokens(200_000);
