import { readFileSync } from 'node:fs';

import { type WorkerSlot, workerShare } from '../upstream/worker-slot.ts';

/** A forwarded connection holds two sockets. */
const descriptorsPerConnection = 2;
/** Kept for the runtime, the listeners, logs and the pipes of connections that splice at the moment. */
const reservedDescriptors = 512;

/**
 * How many connections one of the workers may have: its part of the limit, and no more than its descriptors carry.
 * At least one: a worker that accepts nothing would leave its share of new connections waiting for ever.
 */
export function workerMaxConnections(
  limit: number | undefined,
  worker: WorkerSlot,
  descriptors: number | undefined,
): number | undefined {
  const bounds: number[] = [];
  if (limit !== undefined) bounds.push(workerShare(limit, worker));
  if (descriptors !== undefined) {
    const usable = Math.max(descriptors - reservedDescriptors, descriptors / 2);
    bounds.push(Math.floor(usable / descriptorsPerConnection));
  }
  return bounds.length === 0 ? undefined : Math.max(1, Math.min(...bounds));
}

/** RLIMIT_NOFILE of this process, which its workers inherit; undefined where it is not known or there is none. */
export function descriptorLimit(): number | undefined {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}
