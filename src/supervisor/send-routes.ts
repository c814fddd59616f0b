import type { Worker } from 'node:cluster';

import type { PackedRoutes } from '../routing/packed-routes.ts';
import type { ToWorker } from '../worker/messages.ts';

/** Sending or receiving so much takes a tenth of a millisecond: nobody waits for it. */
const partBytes = 64 * 1024;

/** `untaken`: the worker has taken nothing for as long as one was ready to wait. */
export type Sending = 'sent' | 'gone' | 'untaken';

/**
 * Sends routes part by part, each when the one before has been written: neither process holds them twice, and neither
 * is kept from its other work.
 */
export async function sendRoutes(
  worker: Worker,
  { bytes: all }: PackedRoutes,
  patienceMs: number,
): Promise<Sending> {
  for (let offset = 0; offset < all.length; offset += partBytes) {
    const bytes = all.subarray(offset, offset + partBytes);
    const part: ToWorker = { kind: 'routes', offset, totalBytes: all.length, bytes };
    const sending = await send(worker, part, patienceMs);
    if (sending !== 'sent') return sending;
  }
  return 'sent';
}

/** With a socket on its way to it a dead worker stays connected, and what is sent to it waits for ever. */
export function hasGone(worker: Worker): boolean {
  return worker.isDead() || !worker.isConnected();
}

function send(worker: Worker, message: ToWorker, patienceMs: number): Promise<Sending> {
  return new Promise((resolve) => {
    const settle = (sending: Sending) => {
      clearTimeout(timer);
      worker.off('exit', onExit);
      resolve(sending);
    };
    const onExit = () => settle('gone');
    const timer = setTimeout(() => settle('untaken'), patienceMs);
    worker.once('exit', onExit);
    if (hasGone(worker)) settle('gone');
    // An error is about the channel, which a process that ends closes before anything else is told of its end.
    else worker.send(message, (error: Error | null) => settle(error === null ? 'sent' : 'gone'));
  });
}
