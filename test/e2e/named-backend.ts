import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** A plain TCP server that answers whatever it gets with a line, its name: tests see who served them. */
export class NamedBackend {
  readonly name: string;
  /** As an endpoint is written. */
  readonly address: string;
  readonly port: number;
  /** What is done with what it gets. */
  answers: (socket: Socket) => void;
  /** Connections since the start. */
  accepted = 0;
  /** The most that were live at once. */
  mostLive = 0;
  readonly #server: Server;
  readonly #live = new Set<Socket>();

  private constructor(name: string, server: Server) {
    this.name = name;
    this.#server = server;
    const { address, port, family } = server.address() as AddressInfo;
    this.port = port;
    this.answers = (socket) => socket.write(`${name}\n`);
    this.address = family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`;
    server.on('connection', (socket: Socket) => {
      this.accepted += 1;
      this.#live.add(socket);
      this.mostLive = Math.max(this.mostLive, this.#live.size);
      socket.once('close', () => this.#live.delete(socket));
      // Tests reset connections.
      socket.on('error', () => {});
      socket.setNoDelay(true);
      socket.on('data', () => this.answers(socket));
    });
  }

  static async start(name: string, { host = '127.0.0.1', port = 0 } = {}): Promise<NamedBackend> {
    const server = createServer();
    server.listen({ host, port, backlog: 4096 });
    await once(server, 'listening');
    return new NamedBackend(name, server);
  }

  static startAll(names: readonly string[]): Promise<NamedBackend[]> {
    return Promise.all(names.map((name) => NamedBackend.start(name)));
  }

  get live(): number {
    return this.#live.size;
  }

  /** Refuses connections from here on, and ends what is live. */
  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#live) socket.destroy();
    await closed;
  }
}

/** A loopback address that only this process listens on: its ports can be had again after they were given up. */
export function ownLoopbackAddress(host: number): string {
  if (process.platform !== 'linux') return '127.0.0.1';
  return `127.${64 + (process.pid >> 14)}.${(process.pid >> 6) & 255}.${((process.pid & 63) << 2) + host}`;
}

/** An endpoint that refuses every connection, and that nobody comes to listen on in the meantime. */
export async function refusingAddress(): Promise<string> {
  const backend = await NamedBackend.start('nobody', { host: ownLoopbackAddress(3) });
  await backend.close();
  return backend.address;
}
