import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A plain TCP server that sends back what it gets: behind a route for every connection, no TLS is needed. */
export class EchoBackend {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      // Tests reset connections.
      socket.on('error', () => {});
      socket.pipe(socket);
    });
  }

  static async start(): Promise<EchoBackend> {
    const server = createServer();
    server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 });
    await once(server, 'listening');
    return new EchoBackend(server);
  }

  get address(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `127.0.0.1:${port}`;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** A client of such a backend. */
export class EchoClient {
  /** How the connection ended: an error's code, or `end`. */
  readonly ended: Promise<string>;
  readonly #socket: Socket;
  #received = '';

  constructor(port: number) {
    this.#socket = connect(port, '127.0.0.1');
    this.#socket.setEncoding('latin1');
    this.#socket.on('data', (text: string) => {
      this.#received += text;
      this.#socket.emit('received');
    });
    this.ended = new Promise((resolve) => {
      this.#socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      this.#socket.once('close', () => resolve('end'));
    });
  }

  /** Resolves when the kernel has connected it, which is before the proxy accepts. */
  static async connect(port: number): Promise<EchoClient> {
    const client = new EchoClient(port);
    await once(client.#socket, 'connect');
    return client;
  }

  send(text: string): void {
    this.#socket.write(text);
  }

  /** Resolves when this much has come back since the start; rejects when the connection ends before. */
  async received(length: number): Promise<string> {
    const ended = this.ended.then((how) =>
      Promise.reject(new Error(`ended (${how}) after ${this.#received}`)),
    );
    while (this.#received.length < length) await Promise.race([once(this.#socket, 'received'), ended]);
    ended.catch(() => {});
    return this.#received;
  }

  /** Sends more and waits for all of it to come back. */
  async echo(text: string): Promise<string> {
    const before = this.#received.length;
    this.send(text);
    return (await this.received(before + text.length)).slice(before);
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
