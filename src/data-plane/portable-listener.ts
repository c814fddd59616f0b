import { createServer, type Server, Socket } from 'node:net';
import type { ListeningSocket } from './data-plane.ts';
import { socketHighWaterMark } from './portable-socket.ts';

/** Listening again sets the backlog again: as much as the kernel's net.core.somaxconn allows. */
const backlog = 65_535;

/** Accepts from one bound socket, which it owns. Accepted sockets are paused and unread. */
export class PortableListener {
  readonly #server: Server;
  readonly #closed: Promise<void>;

  /** Throws when the socket cannot be listened on. */
  constructor(socket: ListeningSocket, onAccepted: (client: Socket) => void) {
    this.#server = createServer({
      allowHalfOpen: true,
      pauseOnConnect: true,
      noDelay: true,
      highWaterMark: socketHighWaterMark,
    });
    this.#closed = new Promise((resolve) => this.#server.once('close', resolve));
    this.#server.on('connection', onAccepted);
    // Accepting failed: the descriptors or the memory are used up. libuv turns those who wait away and goes on.
    this.#server.on('error', () => {});
    this.#server.listen(toHandle(socket), backlog);
    // Node tells why by an event, a turn later.
    if (!this.#server.listening) throw cannotListen();
  }

  /** Resolves once the sockets accepted here are closed too. */
  get closed(): Promise<void> {
    return this.#closed;
  }

  stop(): void {
    this.#server.close();
  }
}

function cannotListen(): Error {
  return Object.assign(new Error('the socket cannot be listened on'), {
    code: 'ERR_LISTEN',
    syscall: 'listen',
  });
}

/**
 * What `net.Server` listens on in this very process. A bare descriptor is wrapped in a socket that is never read:
 * `listen({ fd })` in a cluster worker would mean the primary's descriptor of that number.
 */
function toHandle(socket: ListeningSocket): object {
  if ('close' in socket) return socket;
  return new Socket({ fd: socket.fd, readable: false, writable: false });
}
