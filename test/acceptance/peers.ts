import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

/** Everything a socket received, and how it ended. */
export class Peer {
  readonly socket: Socket;
  /** Its own port, by which the access log names a client. */
  readonly port: number;
  readonly closed: Promise<'fin' | 'reset'>;
  #chunks: Buffer[] = [];
  #length = 0;
  #waiters: { readonly length: number; readonly resolve: () => void }[] = [];
  readonly ended: Promise<void>;

  constructor(socket: Socket) {
    this.socket = socket;
    this.port = socket.localPort ?? 0;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    this.ended = new Promise((resolve) => socket.once('end', resolve));
    this.closed = new Promise((resolve) => {
      socket.once('error', () => resolve('reset'));
      socket.once('close', () => resolve('fin'));
    });
  }

  get received(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  send(bytes: Buffer | string): this {
    this.socket.write(bytes);
    return this;
  }

  async has(length: number): Promise<Buffer> {
    if (this.#length < length) await new Promise<void>((resolve) => this.#waiters.push({ length, resolve }));
    return this.received;
  }

  #receive(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    for (const waiter of this.#waiters) if (waiter.length <= this.#length) waiter.resolve();
  }
}

/** A client of its own socket; it ends with the test. */
export async function dial(test: TestContext, port: number, host = '127.0.0.1'): Promise<Peer> {
  const socket = connect({ port, host, noDelay: true, allowHalfOpen: true });
  test.after(() => socket.destroy());
  await once(socket, 'connect');
  return new Peer(socket);
}

/** Sends everything, then waits until the other side ends, and ends too. */
export async function exchange(
  test: TestContext,
  port: number,
  bytes: Buffer,
): Promise<{ readonly received: Buffer; readonly closed: 'fin' | 'reset'; readonly port: number }> {
  const client = await dial(test, port);
  client.send(bytes);
  await Promise.race([client.ended, client.closed]);
  client.socket.end();
  return { received: client.received, closed: await client.closed, port: client.port };
}

/** A TCP endpoint that hands out the connections it gets. */
export class Endpoint {
  readonly address: string;
  readonly #arrived: Peer[] = [];
  readonly #waiting: ((peer: Peer) => void)[] = [];

  private constructor(port: number) {
    this.address = `127.0.0.1:${port}`;
  }

  static async open(test: TestContext, onPeer?: (peer: Peer) => void): Promise<Endpoint> {
    const sockets = new Set<Socket>();
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const endpoint = new Endpoint(address.port);
    server.on('connection', (socket) => {
      sockets.add(socket);
      const peer = new Peer(socket);
      if (onPeer === undefined) endpoint.#arrive(peer);
      else onPeer(peer);
    });
    test.after(() => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
    return endpoint;
  }

  next(): Promise<Peer> {
    const peer = this.#arrived.shift();
    if (peer !== undefined) return Promise.resolve(peer);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #arrive(peer: Peer): void {
    const resolve = this.#waiting.shift();
    if (resolve === undefined) this.#arrived.push(peer);
    else resolve(peer);
  }
}

/** An endpoint that ends every connection after the first bytes it gets. */
export function openEndingEndpoint(test: TestContext): Promise<Endpoint> {
  return Endpoint.open(test, (peer) => peer.socket.once('data', () => peer.socket.end()));
}

/** An address on which nothing listens. */
export async function closedPort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  server.close();
  await once(server, 'close');
  return `127.0.0.1:${address.port}`;
}
