import { connect, type Socket } from 'node:net';
import { buildHello } from '../tls/hello-builder.ts';

export const faultyHello = buildHello({ serverName: 'shop.faulty.test', alpn: ['h2', 'http/1.1'] });

const patienceMs = 120_000;

export interface Conversation {
  readonly received: Buffer;
  /** `end`, or an error's code. */
  readonly end: string;
}

/** Says it all, ends where it is to, and listens until the connection is gone. */
export function converse(port: number, say: Uint8Array, { ends = true } = {}): Promise<Conversation> {
  return new Promise((resolve) => {
    const socket = quietSocket(port);
    const chunks: Buffer[] = [];
    let end = 'end';
    socket.setTimeout(patienceMs, () => socket.destroy(new Error('hangs')));
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      end = error.code ?? error.message;
    });
    socket.on('end', () => socket.end());
    socket.on('close', () => resolve({ received: Buffer.concat(chunks), end }));
    if (ends) socket.end(say);
    else socket.write(say);
  });
}

/** To the proxy; its errors concern only those who listen. */
export function quietSocket(port: number): Socket {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
  socket.on('error', () => {});
  return socket;
}

export function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve();
    else socket.once('close', () => resolve());
  });
}

/** Resolves on the event, or when the connection is gone without. */
export function happened(socket: Socket, event: string): Promise<void> {
  return new Promise((resolve) => {
    socket.once(event, () => resolve());
    socket.once('close', () => resolve());
  });
}

/** A fatal alert of the proxy's own. */
export function isAlert(received: Buffer, description: number): boolean {
  return Buffer.compare(received, Uint8Array.of(21, 3, 3, 0, 2, 2, description)) === 0;
}
