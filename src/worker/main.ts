import cluster from 'node:cluster';

import { isToWorker, type ToSupervisor } from './messages.ts';
import { Worker } from './worker.ts';

/** The worker process. It is started by the supervisor, and never outlives it for longer than it takes to drain. */

/**
 * Nothing should keep the process after its last connection but a log line that nobody takes. That keeps a thread, too,
 * which an orderly exit would wait for.
 */
const exitPatienceMs = 1_000;

/** Resolves when all that was told has been passed to the supervisor. */
let lastTold: Promise<void> = Promise.resolve();

const worker = new Worker(tell);

// Before anything is said: what arrives earlier is lost.
process.on('message', (message: unknown, handle: unknown) => {
  if (isToWorker(message)) worker.receive(message, handle);
});

// The supervisor is gone. `node:cluster` would end this process at once, unless told that the end is known of.
if (cluster.worker !== undefined) cluster.worker.exitedAfterDisconnect = true;
process.once('disconnect', () => worker.drain());

// Ctrl-C and a closed terminal reach every process of the group: what becomes of the workers is the supervisor's to say.
process.on('SIGINT', () => {});
process.on('SIGHUP', () => {});
process.on('SIGUSR2', () => {});
// Node.js would open its debugger.
process.on('SIGUSR1', () => {});
process.on('SIGTERM', () => worker.leave());

void worker.ended
  .then(() => lastTold)
  .then(() => {
    if (process.connected) process.disconnect();
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), exitPatienceMs).unref();
  });

tell({ kind: 'started' });

function tell(message: ToSupervisor): void {
  if (!process.connected) return;
  lastTold = new Promise((resolve) => {
    // A supervisor that cannot be reached is one whose loss is about to be noticed.
    process.send?.(message, undefined, undefined, () => resolve());
  });
}
