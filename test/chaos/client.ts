import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Trial } from './trial.ts';

/** Nobody waits for ever. */
const patienceMs = 60_000;
const chunkBytes = 32 * 1024;

/** Does what the plan says, until the connection is gone; the trial tells the rest. Never rejects. */
export async function perform(trial: Trial, port: number): Promise<void> {
  const { address, pauseMs } = trial.plan;
  trial.startedAt = performance.now();
  const socket = connect({
    port,
    host: '127.0.0.1',
    localAddress: address,
    allowHalfOpen: true,
    noDelay: true,
  });
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const timer = setTimeout(
    () => socket.destroy(Object.assign(new Error('hangs'), { code: 'HANGS' })),
    patienceMs,
  );
  trial.end = 'end';
  socket.on('error', (error: NodeJS.ErrnoException) => {
    trial.end = error.code ?? error.message;
  });
  let hasPaused = pauseMs === 0;
  socket.on('data', (chunk) => {
    trial.received(chunk);
    cutWhere(trial, socket, 'received', trial.receivedBytes);
    if (hasPaused) return;
    hasPaused = true;
    socket.pause();
    setTimeout(() => socket.resume(), pauseMs);
  });
  socket.once('connect', () => {
    trial.connectedAt = performance.now();
    void send(trial, socket);
  });
  await closed;
  clearTimeout(timer);
  trial.endedAt = performance.now();
}

async function send(trial: Trial, socket: Socket): Promise<void> {
  const { plan } = trial;
  const hasEnded = once(socket, 'end').catch(() => {});
  for (let at = 0; at < plan.opening.length && !socket.destroyed; at += plan.pieceBytes) {
    await write(socket, plan.opening.subarray(at, at + plan.pieceBytes));
    trial.sentBytes = Math.max(0, Math.min(at + plan.pieceBytes, plan.opening.length) - plan.headerBytes);
    if (plan.pieceGapMs > 0) await sleep(plan.pieceGapMs);
  }
  cutWhere(trial, socket, 'opening', plan.opening.length);
  if (trial.isCut) return;

  const prefixBytes = plan.opening.length - plan.headerBytes;
  const cutAt = plan.cut?.after === 'sent' ? plan.cut.bytes : Number.POSITIVE_INFINITY;
  while (trial.sentBytes < Math.min(trial.up.length, prefixBytes + cutAt) && !socket.destroyed) {
    const most = Math.min(chunkBytes, prefixBytes + cutAt - trial.sentBytes);
    const chunk = trial.up.slice(trial.sentBytes, most);
    trial.sentBytes += chunk.length;
    await write(socket, chunk);
  }
  cutWhere(trial, socket, 'sent', trial.sentBytes - prefixBytes);
  if (trial.isCut || socket.destroyed) return;
  if (!plan.endsFirst || plan.fate.kind === 'incomplete') await hasEnded;
  trial.hasEndedFirst = !socket.readableEnded;
  socket.end();
}

function cutWhere(trial: Trial, socket: Socket, after: string, bytes: number): void {
  const { cut } = trial.plan;
  if (trial.isCut || cut === undefined || cut.after !== after || bytes < cut.bytes) return;
  trial.isCut = true;
  if (cut.how === 'fin') socket.end();
  else socket.resetAndDestroy();
}

/** Resolves when there is room for more, or when the connection is gone. */
function write(socket: Socket, chunk: Uint8Array): Promise<void> {
  if (socket.destroyed || socket.write(chunk)) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      socket.off('drain', done).off('close', done);
      resolve();
    };
    socket.on('drain', done).on('close', done);
  });
}
