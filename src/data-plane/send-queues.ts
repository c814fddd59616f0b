import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';

/** What was read is used for this long: many connections may ask at once. */
const goodForMs = 20;

let queues: ReadonlyMap<string, number> = new Map();
let readAtMs = Number.NEGATIVE_INFINITY;

/**
 * Whether the kernel's send queue holds bytes that the peer has not acknowledged. Node cannot ask for it; Linux lists
 * it in proc_pid_net(5). False where that is not to be had.
 */
export function hasUnacknowledgedBytes(socket: Socket): boolean {
  const nowMs = performance.now();
  if (nowMs - readAtMs > goodForMs) {
    readAtMs = nowMs;
    queues = new Map([...readQueues('/proc/self/net/tcp'), ...readQueues('/proc/self/net/tcp6')]);
  }
  return (queues.get(`${socket.localPort} ${socket.remotePort}`) ?? 0) > 0;
}

/** By both ports. Connections that differ in their addresses alone share an entry: the longest queue counts. */
function readQueues(path: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const line of readLines(path)) {
    const [, local = '', remote = '', , queued = ''] = line.trim().split(/\s+/);
    const key = `${portOf(local)} ${portOf(remote)}`;
    found.set(key, Math.max(found.get(key) ?? 0, Number.parseInt(queued, 16) || 0));
  }
  return found;
}

function readLines(path: string): string[] {
  try {
    return readFileSync(path, 'latin1').split('\n').slice(1);
  } catch {
    return [];
  }
}

/** `0100007F:1F90` ends in the port, in hexadecimal. */
function portOf(endpoint: string): number {
  return Number.parseInt(endpoint.slice(endpoint.indexOf(':') + 1), 16);
}
