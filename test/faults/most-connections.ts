import { readFileSync } from 'node:fs';

/** Left for everything that is no client. */
const spareDescriptors = 1_000;

/** So many connections, or as many as this process has descriptors for. */
export function mostConnections(wanted: number): number {
  const limits = readFileSync('/proc/self/limits', 'utf8');
  const limit = Number(/^Max open files +(\d+)/m.exec(limits)?.[1]);
  const most = Math.min(wanted, limit - spareDescriptors);
  if (most < wanted)
    console.log(`no more than ${most} of ${wanted} connections: the descriptor limit is ${limit}`);
  return most;
}
