import { setTimeout as delay } from 'node:timers/promises';

import type { AcceptQueues } from '../data-plane/load-plane.ts';
import type { BoundSocket } from './bound-socket.ts';

/** What a handshake that has begun gets to complete: a round trip, from far away too. */
const handshakeMs = 300;
const pollMs = 10;

/**
 * Lets nobody new into the accept queues of these sockets, which are to be closed, and resolves once the workers have
 * accepted everybody who is in them: closing a listening socket resets whoever waits there. Resolves no later than
 * after `patienceMs`, and when `signal` says so. Those of other owners are left alone, and all are without the addon's
 * `queues`: there is no way to.
 */
export async function emptyQueues(
  all: readonly BoundSocket[],
  queues: AcceptQueues | undefined,
  patienceMs: number,
  signal?: AbortSignal,
): Promise<void> {
  if (queues === undefined || all.length === 0) return;
  const sockets = all.filter(({ owner }) => owner === 'us');
  const deadline = performance.now() + patienceMs;
  for (const { fd } of sockets) attempt(() => queues.refuseSyns(fd));
  try {
    await delay(Math.min(handshakeMs, patienceMs), undefined, { signal });
    while (performance.now() < deadline && sockets.some(({ fd }) => isWaitedAt(fd, queues))) {
      await delay(pollMs, undefined, { signal });
    }
  } catch (error) {
    if (signal?.aborted !== true) throw error;
  }
}

function isWaitedAt(fd: number, queues: AcceptQueues): boolean {
  return (attempt(() => queues.acceptQueueLength(fd)) ?? 0) > 0;
}

/** A socket that takes no filter or cannot be asked is closed as it is. */
function attempt<Result>(step: () => Result): Result | undefined {
  try {
    return step();
  } catch {
    return undefined;
  }
}
