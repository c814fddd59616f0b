import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { PrefixReader } from '../../src/data-plane/portable-prefix.ts';
import { StuckEndpoint } from '../conformance/stuck-endpoint.ts';
import type { Behaviour } from './behaviours.ts';
import type { Bytes } from './bytes.ts';
import { greeting } from './plan.ts';
import type { Trial } from './trial.ts';

/** Long enough for a client to fill every buffer on the way. */
const neverReadMs = 300;
const trickleGapMs = 1;
const chunkBytes = 32 * 1024;

/** What a backend does once it knows whose connection it has. */
type Act = (socket: Socket, trial: Trial) => void | Promise<void>;

const acts: Partial<Record<Behaviour, Act>> = {
  bulk: (socket, trial) => sendAll(socket, trial.down, chunkBytes, 0).then(() => void socket.end()),
  trickle: (socket, trial) => sendAll(socket, trial.down, 1, trickleGapMs).then(() => void socket.end()),
  'half-close': (socket, trial) => sendAll(socket, trial.down, chunkBytes, 0).then(() => void socket.end()),
  'reset-mid-stream': (socket, trial) =>
    sendAll(socket, trial.down, chunkBytes, 0).then(() => void socket.resetAndDestroy()),
};

/** One listening server for each behaviour; a connection finds its trial by the server name in its hello. */
export class Backends {
  readonly #servers = new Map<Behaviour, Server>();
  readonly #sockets = new Set<Socket>();
  readonly #trials: ReadonlyMap<number, Trial>;
  readonly #stuck: StuckEndpoint;

  private constructor(trials: ReadonlyMap<number, Trial>, stuck: StuckEndpoint) {
    this.#trials = trials;
    this.#stuck = stuck;
  }

  static async start(
    behaviours: readonly Behaviour[],
    trials: ReadonlyMap<number, Trial>,
  ): Promise<Backends> {
    const backends = new Backends(trials, await StuckEndpoint.open());
    await Promise.all(behaviours.map((behaviour) => backends.#listen(behaviour)));
    return backends;
  }

  address(behaviour: Behaviour): string {
    // Nobody listens on port 1.
    if (behaviour === 'refuse') return '127.0.0.1:1';
    if (behaviour === 'hang') return `127.0.0.1:${this.#stuck.address.port}`;
    const bound = this.#servers.get(behaviour)?.address();
    if (bound === null || typeof bound !== 'object') throw new Error(`${behaviour} does not listen`);
    return `127.0.0.1:${bound.port}`;
  }

  /** Connections that have not ended. */
  get connectionCount(): number {
    return this.#sockets.size;
  }

  async close(): Promise<void> {
    for (const server of this.#servers.values()) server.close();
    for (const socket of this.#sockets) socket.destroy();
    await this.#stuck.close();
  }

  async #listen(behaviour: Behaviour): Promise<void> {
    if (behaviour === 'refuse' || behaviour === 'hang') return;
    const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true });
    server.on('connection', (socket: Socket) => this.#accept(behaviour, socket));
    server.listen({ host: '127.0.0.1', port: 0, backlog: 1024 });
    await once(server, 'listening');
    this.#servers.set(behaviour, server);
  }

  #accept(behaviour: Behaviour, socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    // Resets are what this is about.
    socket.on('error', () => {});
    if (behaviour === 'accept-reset') return void socket.resetAndDestroy();
    if (behaviour === 'never-read') {
      setTimeout(() => socket.resetAndDestroy(), neverReadMs);
      return;
    }
    if (behaviour === 'speak-first') socket.write(greeting);
    this.#read(behaviour, socket);
    socket.resume();
  }

  #read(behaviour: Behaviour, socket: Socket): void {
    const reader = new PrefixReader(Number.MAX_SAFE_INTEGER, false);
    let trial: Trial | undefined;
    const take = (chunk: Uint8Array) => {
      trial?.upstreamReceived(chunk);
      if (behaviour === 'echo' || behaviour === 'speak-first') send(socket, chunk);
    };
    socket.on('data', (chunk) => {
      if (trial !== undefined) return take(chunk);
      const prefix = reader.push(chunk);
      if (prefix?.kind !== 'complete') return;
      trial = this.#trialOf(prefix.hello?.serverName);
      take(reader.bytes);
      if (trial === undefined) return;
      trial.upstreamSentBytes = Number.NaN;
      void acts[behaviour]?.(socket, trial);
    });
    // Whoever has something to say of its own ends when it is said.
    socket.once('end', () => {
      if (trial === undefined || acts[behaviour] === undefined) socket.end();
    });
    socket.once('close', () => {
      if (trial !== undefined) trial.upstreamSentBytes = socket.bytesWritten;
    });
  }

  #trialOf(serverName = ''): Trial | undefined {
    return this.#trials.get(Number(/^c(\d+)\./i.exec(serverName)?.[1]));
  }
}

/** Reads no more until it is sent. */
function send(socket: Socket, chunk: Uint8Array): void {
  if (socket.write(chunk)) return;
  socket.pause();
  socket.once('drain', () => socket.resume());
}

async function sendAll(socket: Socket, bytes: Bytes, pieceBytes: number, gapMs: number): Promise<void> {
  for (let at = 0; at < bytes.length && !socket.destroyed; ) {
    const piece = bytes.slice(at, pieceBytes);
    at += piece.length;
    await new Promise<void>((resolve) => {
      // Told once the kernel has it, or with an error once the socket is gone.
      socket.write(piece, () => setTimeout(resolve, gapMs));
    });
  }
}
