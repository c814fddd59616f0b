import type { Socket } from 'node:net';
import type { SocketAddress } from './data-plane.ts';

const noBytes = new Uint8Array(0);

/**
 * One byte: `write` then asks for a pause and announces `drain` whenever anything at all is left unsent, and a paused
 * socket reads one chunk ahead at most. So a direction holds two chunks, and a reset is never read while
 * bytes that came before it still wait (Node would throw them away).
 */
export const socketHighWaterMark = 1;

/** How long what the client still sends is read and thrown away after a FIN of ours. */
const lingerMs = 1000;

/** Sends RST now; what is unsent is lost. */
export function reset(socket: Socket): void {
  // libuv refuses to reset a socket whose FIN is about to go, and Node then leaks the descriptor.
  const isEnding = socket.writableEnded && !socket.writableFinished;
  if (socket.connecting || isEnding) socket.destroy();
  else socket.resetAndDestroy();
}

/** Closes both ways: with FIN, or with RST where a FIN would pretend that all was sent. */
export function close(socket: Socket): void {
  if (socket.writableLength > 0) reset(socket);
  else socket.destroy();
}

/**
 * Sends `bytes` and FIN, then reads until the client ends too, or `lingerMs`: closing with bytes unread would turn
 * the FIN into a RST, which makes the client's system drop what it has not read yet (RFC 2525 section 2.17).
 */
export function closeLingering(socket: Socket, bytes: Uint8Array = noBytes): void {
  const bound = setTimeout(() => socket.destroy(), lingerMs);
  socket.once('close', () => clearTimeout(bound));
  socket.removeAllListeners('data');
  socket.on('data', discard);
  socket.resume();
  socket.end(bytes);
}

function discard(): void {}

/**
 * Whether the end that `socket` has just told of is a reset: libuv reports one that comes right behind the last bytes
 * as an end. Writing nothing then makes the kernel tell, and the socket emits the error; EPIPE says that a real
 * end came before the reset. A socket that was ended before cannot be asked.
 */
export function wasReset(socket: Socket): boolean {
  if (!socket.writableEnded && socket.writableLength === 0) socket.write(noBytes);
  const error: NodeJS.ErrnoException | null = socket.errored;
  return error !== null && error.code !== 'EPIPE';
}

/** Undefined for a socket that has been reset. */
export function remoteAddress(socket: Socket): SocketAddress | undefined {
  return toSocketAddress(socket.remoteAddress, socket.remotePort);
}

/** Undefined for a socket that is closed. */
export function localAddress(socket: Socket): SocketAddress | undefined {
  return toSocketAddress(socket.localAddress, socket.localPort);
}

const mappedPrefix = '::ffff:';

function toSocketAddress(text: string | undefined, port: number | undefined): SocketAddress | undefined {
  if (text === undefined || port === undefined) return undefined;
  if (!text.includes(':')) return { address: text, port, family: 4 };
  if (!text.startsWith(mappedPrefix) || !text.includes('.')) return { address: text, port, family: 6 };
  return { address: text.slice(mappedPrefix.length), port, family: 4 };
}
