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
 * A bound socket that the supervisor holds and lends to workers; it accepts nothing itself. `net.Server` would: there
 * is no public way to bind without accepting, so this file alone uses what `node:cluster` itself uses
 * (`net._createServerHandle`), and checks what comes back.
 */
export class BoundSocket {
  readonly address: BindAddress;
  readonly #handle: TcpHandle;

  private constructor(handle: TcpHandle, wanted: BindAddress) {
    this.#handle = handle;
    this.address = boundAddress(handle, wanted);
  }

  /** Binds without listening: the first worker does that. Throws Node's system errors. */
  static bind(to: BindAddress): BoundSocket {
    return new BoundSocket(createHandle(to, to.address, to.port, to.family), to);
  }

  /** Takes over a descriptor that is bound to `to`. */
  static adopt(fd: number, to: BindAddress): BoundSocket {
    return new BoundSocket(createHandle(to, null, null, null, fd), to);
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

function createHandle(wanted: BindAddress, ...from: readonly unknown[]): TcpHandle {
  const create: unknown = Reflect.get(net, '_createServerHandle');
  if (typeof create !== 'function') throw new Error('this version of Node.js cannot bind without listening');
  const handle: unknown = Reflect.apply(create, net, from);
  if (typeof handle === 'number') throw bindError(handle, wanted);
  if (!isTcpHandle(handle)) throw new Error('this version of Node.js has TCP handles of an unknown shape');
  return handle;
}

function isTcpHandle(value: unknown): value is TcpHandle {
  if (typeof value !== 'object' || value === null) return false;
  return ['getsockname', 'close'].every((name) => typeof Reflect.get(value, name) === 'function');
}

/** libuv keeps EADDRINUSE to itself until the socket is asked for its name. */
function boundAddress(handle: TcpHandle, wanted: BindAddress): BindAddress {
  const name: { address?: unknown; port?: unknown } = {};
  const error = handle.getsockname(name);
  if (error !== 0 || typeof name.port !== 'number') {
    handle.close();
    throw bindError(error, wanted);
  }
  return { ...wanted, port: name.port };
}

function bindError(errno: number, { address, port }: BindAddress): NodeJS.ErrnoException {
  const code = getSystemErrorName(errno);
  const error = new Error(`bind ${code} ${address}:${port}`);
  return Object.assign(error, { code, errno, syscall: 'bind', address, port });
}
