import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import type { DialAddress } from '../../src/data-plane/data-plane.ts';
import { EventQueue } from './event-queue.ts';
import { Peer } from './peer.ts';

/** A TCP server on an ephemeral loopback port whose connections a test takes one by one. */
export class UpstreamServer {
  readonly endpoint: DialAddress;
  /** Whether a new connection is read from at once. */
  startsReading = true;
  /** A note for each new connection before anything else happens to it. */
  onConnection: (peer: Peer) => void = () => {};
  readonly #server: Server;
  readonly #queue = new EventQueue<Peer>('connection upstream');
  readonly #peers = new Set<Peer>();

  private constructor(server: Server, endpoint: DialAddress) {
    this.endpoint = endpoint;
    this.#server = server;
    server.on('connection', (socket) => {
      const peer = new Peer(socket);
      this.#peers.add(peer);
      socket.once('close', () => this.#peers.delete(peer));
      if (this.startsReading) peer.startReading();
      this.onConnection(peer);
      this.#queue.push(peer);
    });
  }

  static async open(host: '127.0.0.1' | '::1' = '127.0.0.1'): Promise<UpstreamServer> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
    server.listen({ port: 0, host, backlog: 1024 });
    await once(server, 'listening');
    const address = server.address();
    assert.ok(typeof address === 'object' && address !== null);
    return new UpstreamServer(server, { address: host, port: address.port, family: host === '::1' ? 6 : 4 });
  }

  get connectionCount(): number {
    return this.#queue.count;
  }

  next(): Promise<Peer> {
    return this.#queue.next();
  }

  closePeers(): void {
    for (const peer of this.#peers) peer.close();
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.closePeers();
    await closed;
  }
}
