// Nanoseconds of CPU for one connection's part in the limits, kept by one worker and by several together.
// Run: node --import tsx bench/micro/limits.ts
import type { LimitsSnapshot } from '../../src/config/snapshot.ts';
import { ConnectionShare } from '../../src/upstream/connection-share.ts';
import { LimitMemory } from '../../src/upstream/limits/limit-memory.ts';
import { SharedCount } from '../../src/upstream/limits/shared-count.ts';
import { SharedSources } from '../../src/upstream/limits/shared-sources.ts';
import { SourceLimits } from '../../src/upstream/source-limits.ts';

type Settings = Pick<LimitsSnapshot, 'maxConnectionsPerSource' | 'newConnectionsPerSource'>;

const turns = 200_000;
const processCounts = [1, 2, 4, 64];
const ipv4 = Array.from({ length: 1024 }, (_, index) => `203.0.${index >> 8}.${index & 255}`);
const ipv6 = Array.from({ length: 1024 }, (_, index) => `2001:db8:${index.toString(16)}:7::1`);
const atOnce: Settings = { maxConnectionsPerSource: 1000, newConnectionsPerSource: undefined };
const both: Settings = {
  maxConnectionsPerSource: 1000,
  newConnectionsPerSource: { count: 1_000_000, perMs: 1000 },
};

function newMemory(processes: number): LimitMemory {
  const layout = { processes: Math.max(processes, 64), columns: 16, sources: 65_536 };
  const buffer = new ArrayBuffer(LimitMemory.sizeOf(layout));
  const memory = LimitMemory.initialize(buffer, layout, [1, 2]);
  memory.useRow(processes - 1);
  return memory;
}

function upstreamLimit(shared?: LimitMemory): () => void {
  const share = new ConnectionShare(1000);
  if (shared) share.configure(1000, new SharedCount(shared, 2, 0));
  return () => {
    if (share.tryAcquire()) share.release();
  };
}

function sourceLimit(settings: Settings, addresses: readonly string[], shared?: LimitMemory): () => void {
  const limits = new SourceLimits(settings, undefined, shared && new SharedSources(shared, 0));
  let turn = 0;
  return () => {
    turn += 1;
    const counted = limits.accept(addresses[turn % addresses.length] ?? '', turn);
    if (counted !== undefined) limits.ended(counted);
  };
}

/** The best of five rounds. */
function cpuNs(step: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5; round += 1) {
    const before = process.cpuUsage();
    for (let turn = 0; turn < turns; turn += 1) step();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, ((user + system) * 1000) / turns);
  }
  return best;
}

function report(what: string, make: (shared?: LimitMemory) => () => void): void {
  const alone = `apart: ${cpuNs(make()).toFixed(0).padStart(4)} ns`;
  const together = processCounts.map((processes) => {
    const ns = cpuNs(make(newMemory(processes)));
    return `${processes}: ${ns.toFixed(0).padStart(4)} ns`;
  });
  console.log(`${what.padEnd(34)} ${[alone, ...together].join('   ')}`);
}

report('upstream maxConnections', upstreamLimit);
report('connections per source, IPv4', (shared) => sourceLimit(atOnce, ipv4, shared));
report('connections per source, IPv6', (shared) => sourceLimit(atOnce, ipv6, shared));
report('and new ones per source, IPv4', (shared) => sourceLimit(both, ipv4, shared));
