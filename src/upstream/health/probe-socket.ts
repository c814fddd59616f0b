import type { Socket } from 'node:net';
import type { ProbeResult } from './probe.ts';

/** How a probe reads what happens to its socket. */
export interface SocketReading {
  /** The event that means success. */
  readonly success: 'connect' | 'secureConnect';
  readonly passed: () => ProbeResult;
  readonly failed: (error: NodeJS.ErrnoException) => ProbeResult;
  /** What has not happened when time is up. */
  readonly missing: (connected: boolean) => string;
}

/** A timer this late means that the process was held up, its answers unread: the endpoint gets its time again. */
const heldUpMs = 250;
/** How long a peer that was told goodbye may take to hang up. */
const partingMs = 1000;

/** Waits for the first thing that decides the probe, then parts with the socket. */
export function readSocket(
  socket: Socket,
  reading: SocketReading,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ProbeResult> {
  return new Promise((resolve) => {
    let decided = false;
    const finish = (result: ProbeResult) => {
      if (decided) {
        return;
      }
      decided = true;
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
      if (result.kind === 'passed') {
        part(socket, signal);
      } else {
        socket.destroy();
      }
      resolve(result);
    };
    const giveUp = () => finish({ kind: 'inconclusive', why: 'given up' });
    const startTimer = () => {
      const deadlineMs = performance.now() + timeoutMs;
      return setTimeout(() => {
        if (performance.now() - deadlineMs > heldUpMs) {
          timer = startTimer();
        } else {
          const why = `${reading.missing(!socket.connecting)} within ${timeoutMs / 1000}s`;
          finish({ kind: 'failed', why });
        }
      }, timeoutMs);
    };
    let timer = startTimer();
    signal.addEventListener('abort', giveUp);
    socket.on('error', (error) => finish(reading.failed(error)));
    socket.once(reading.success, () => finish(reading.passed()));
  });
}

/**
 * Ends the connection as a client would, with a FIN (and a close_notify under TLS): a reset is logged as an error
 * by most servers, and BSD's `accept` fails on one that comes early. The cost is a TIME_WAIT on this side.
 */
function part(socket: Socket, signal: AbortSignal): void {
  const cut = () => socket.destroy();
  const timer = setTimeout(cut, partingMs);
  signal.addEventListener('abort', cut);
  socket.once('close', () => {
    clearTimeout(timer);
    signal.removeEventListener('abort', cut);
  });
  socket.resume();
  socket.end();
}
