import type { Worker } from 'node:cluster';

import type { PackedRoutes } from '../routing/packed-routes.ts';
import type { ToWorker } from '../worker/messages.ts';

/** Sending or receiving so much takes a tenth of a millisecond: nobody waits for it. */
const partBytes = 64 * 1024;

/**
 * Sends routes part by part, each when the one before has been written: neither process holds them twice, and neither
 * is kept from its other work. Whether all of them went out; not where the worker has gone, or takes nothing for
 * `patienceMs`.
 */
export async function sendRoutes(
  worker: Worker,
  { bytes: all }: PackedRoutes,
  patienceMs: number,
): Promise<boolean> {
  for (let offset = 0; offset < all.length; offset += partBytes) {
    const bytes = all.subarray(offset, offset + partBytes);
    const part: ToWorker = { kind: 'routes', offset, totalBytes: all.length, bytes };
    if (!(await send(worker, part, patienceMs))) return false;
  }
  return true;
}

/** With a socket on its way to it a dead worker stays connected, and what is sent to it waits for ever. */
export function hasGone(worker: Worker): boolean {
  return worker.isDead() || !worker.isConnected();
}

function send(worker: Worker, message: ToWorker, patienceMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (isSent: boolean) => {
      clearTimeout(timer);
      worker.off('exit', giveUp);
      resolve(isSent);
    };
    const giveUp = () => settle(false);
    const timer = setTimeout(giveUp, patienceMs);
    worker.once('exit', giveUp);
    if (hasGone(worker)) giveUp();
    else worker.send(message, (error: Error | null) => settle(error === null));
  });
}
