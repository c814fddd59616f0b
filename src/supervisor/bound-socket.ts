import type { Worker } from 'node:cluster';
import net from 'node:net';
import { getSystemErrorName } from 'node:util';

import type { ListeningHandle } from '../data-plane/data-plane.ts';
import type { ToWorker } from '../worker/messages.ts';

/** An address to listen on. Port 0: the kernel picks one. */
export interface BindAddress {
  readonly address: string;
  readonly port: number;
  readonly family: 4 | 6;
}

/**
 * `predecessor`: a proxy that still accepts there, and goes on to where this one cannot start; `service-manager`: it
 * keeps the socket for whoever serves next.
 */
export type SocketOwner = 'us' | 'predecessor' | 'service-manager';

/**
 * A bound socket that the supervisor holds and lends to workers; it accepts nothing itself. `net.Server` would: there
 * is no public way to bind without accepting, so this file alone uses what `node:cluster` itself uses
 * (`net._createServerHandle`), and checks what comes back.
 */
export class BoundSocket {
  readonly address: BindAddress;
  readonly #handle: TcpHandle;
  #owner: SocketOwner;

  private constructor(handle: TcpHandle, wanted: BindAddress | undefined, owner: SocketOwner = 'us') {
    this.#handle = handle;
    this.#owner = owner;
    this.address = boundAddress(handle, wanted);
  }

  /** Binds without listening: the first worker does that. Throws Node's system errors. */
  static bind(to: BindAddress): BoundSocket {
    return new BoundSocket(createHandle(to), to);
  }

  /** Takes over a descriptor that is bound to `to`. */
  static adopt(fd: number, to: BindAddress): BoundSocket {
    return new BoundSocket(createHandle(to, fd), to);
  }

  /** Takes over a TCP socket of somebody else's, wherever it is bound. Throws where it is none. */
  static inherit(fd: number, owner: SocketOwner): BoundSocket {
    return new BoundSocket(createHandle(undefined, fd), undefined, owner);
  }

  /** Whose it is to say what becomes of those who wait there. */
  get owner(): SocketOwner {
    return this.#owner;
  }

  /** The predecessor is about to end: it is ours now. */
  own(): void {
    if (this.#owner === 'predecessor') this.#owner = 'us';
  }

  /** The worker gets a descriptor of its own for the same socket. `done` hears of a worker that has gone. */
  sendTo(worker: Worker, message: ToWorker, done: (error: Error | null) => void): void {
    // Node sends a bare handle as it is, though the type of `send` names only what wraps one.
    worker.send(message, this.#handle as unknown as net.Server, done);
  }

  /** This process's descriptor of it; it stays the socket's own. */
  get fd(): number {
    return this.#handle.fd;
  }

  close(): void {
    this.#handle.close();
  }
}

interface TcpHandle extends ListeningHandle {
  /** Fills `name`; a negative errno on failure. */
  getsockname(name: { address?: unknown; port?: unknown; family?: unknown }): number;
}

/** Binds, or wraps a descriptor that is bound already. */
function createHandle(wanted: BindAddress | undefined, fd?: number): TcpHandle {
  const create: unknown = Reflect.get(net, '_createServerHandle');
  if (typeof create !== 'function') throw new Error('this version of Node.js cannot bind without listening');
  const from = fd === undefined ? [wanted?.address, wanted?.port, wanted?.family] : [null, null, null, fd];
  const handle: unknown = Reflect.apply(create, net, from);
  if (typeof handle === 'number') throw bindError(handle, wanted);
  if (!isTcpHandle(handle)) {
    throw new Error(
      fd === undefined ? 'this version of Node.js has TCP handles of an unknown shape' : 'no TCP socket',
    );
  }
  return handle;
}

function isTcpHandle(value: unknown): value is TcpHandle {
  if (typeof value !== 'object' || value === null) return false;
  return ['getsockname', 'close'].every((name) => typeof Reflect.get(value, name) === 'function');
}

/** libuv keeps EADDRINUSE to itself until the socket is asked for its name. */
function boundAddress(handle: TcpHandle, wanted: BindAddress | undefined): BindAddress {
  const name: { address?: unknown; port?: unknown; family?: unknown } = {};
  const error = handle.getsockname(name);
  const { address, port, family } = name;
  if (error !== 0 || typeof address !== 'string' || typeof port !== 'number') {
    handle.close();
    throw bindError(error, wanted);
  }
  return { address, ...wanted, family: family === 'IPv6' ? 6 : 4, port };
}

function bindError(errno: number, wanted: BindAddress | undefined): NodeJS.ErrnoException {
  const code = getSystemErrorName(errno);
  const where = wanted === undefined ? '' : ` ${wanted.address}:${wanted.port}`;
  const error = new Error(`bind ${code}${where}`);
  return Object.assign(error, { code, errno, syscall: 'bind', ...wanted });
}
