import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import {
  createServer as createTlsServer,
  type TLSSocket,
  type TlsOptions,
  type Server as TlsServer,
} from 'node:tls';
import type { ActiveHealthSnapshot } from '../../src/config/snapshot.ts';
import type { DialAddress } from '../../src/data-plane/data-plane.ts';

export function settings(overrides: Partial<ActiveHealthSnapshot> = {}): ActiveHealthSnapshot {
  const defaults = { intervalMs: 20, timeoutMs: 5000, healthyAfter: 2, unhealthyAfter: 3 };
  return { probe: 'tcp', serverName: undefined, ...defaults, ...overrides };
}

/** What a test has listening on loopback. */
export interface Listening {
  readonly endpoint: DialAddress;
  close(): Promise<void>;
}

/** A TCP server that does this with each connection, and counts them. */
export class TcpPeer implements Listening {
  readonly endpoint: DialAddress;
  accepted = 0;
  readonly open = new Set<Socket>();
  /** The most that were open at once. */
  mostOpen = 0;
  readonly #server: Server;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.endpoint = { address: '127.0.0.1', port, family: 4 };
  }

  static async start(treat: (socket: Socket) => void = () => {}, port = 0): Promise<TcpPeer> {
    const server = createServer({ allowHalfOpen: false }).listen(port, '127.0.0.1');
    await once(server, 'listening');
    const peer = new TcpPeer(server, portOf(server));
    server.on('connection', (socket) => {
      peer.accepted += 1;
      peer.open.add(socket);
      peer.mostOpen = Math.max(peer.mostOpen, peer.open.size);
      socket.on('error', () => {});
      socket.on('close', () => peer.open.delete(socket));
      socket.resume();
      treat(socket);
    });
    return peer;
  }

  /** Resolves with the next connection that is accepted. */
  async nextConnection(): Promise<Socket> {
    const [socket] = await once(this.#server, 'connection');
    return socket;
  }

  /** Resolves once so many connections have been accepted since it started. */
  async whenAccepted(count: number): Promise<void> {
    while (this.accepted < count) {
      await this.nextConnection();
    }
  }

  async close(): Promise<void> {
    for (const socket of this.open) {
      socket.destroy();
    }
    await new Promise<unknown>((closed) => this.#server.close(closed));
  }
}

/** A TLS server that keeps the connections whose handshake it completed. */
export class TlsPeer implements Listening {
  readonly endpoint: DialAddress;
  readonly secured: TLSSocket[] = [];
  readonly #server: TlsServer;

  private constructor(server: TlsServer) {
    this.#server = server;
    this.endpoint = { address: '127.0.0.1', port: portOf(server), family: 4 };
  }

  static async start(options: TlsOptions): Promise<TlsPeer> {
    const server = createTlsServer(options).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const peer = new TlsPeer(server);
    server.on('tlsClientError', () => {});
    server.on('secureConnection', (socket) => {
      peer.secured.push(socket);
      socket.on('error', () => {});
      socket.resume();
    });
    return peer;
  }

  /** Resolves with the connection after those secured so far: the server is done with a handshake last. */
  async nextSecured(): Promise<TLSSocket> {
    const [socket] = await once(this.#server, 'secureConnection');
    return socket;
  }

  async close(): Promise<void> {
    await new Promise<unknown>((closed) => this.#server.close(closed));
  }
}

/** A port that accepts nothing more: its process is stopped, and its queue is full. */
export async function startDeaf(): Promise<Listening> {
  const script = `const server = require('net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    process.stdout.write(String(server.address().port), () => process.kill(process.pid, 'SIGSTOP'));
  });`;
  const child: ChildProcess = spawn(process.execPath, ['-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [text] = child.stdout ? await once(child.stdout, 'data') : ['0'];
  const port = Number(String(text));
  // Linux queues one more than the backlog.
  const queued = [1, 2].map(() => connect(port, '127.0.0.1').on('error', () => {}));
  await Promise.all(queued.map((socket) => once(socket, 'connect')));
  return {
    endpoint: { address: '127.0.0.1', port, family: 4 },
    close: async () => {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
      for (const socket of queued) {
        socket.destroy();
      }
    },
  };
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
