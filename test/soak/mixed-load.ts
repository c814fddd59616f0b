import { EventEmitter, once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { buildHello } from '../tls/hello-builder.ts';
import { type Random, seededRandom } from '../tls/random.ts';

const newConnectionEveryMs = 10;
const directEvery = 10;
const idleConnections = 50;
const pingEveryMs = 100;
const patienceMs = 30_000;

const hello = buildHello({ serverName: 'soak.echo.test', alpn: ['h2'] });
const nowhere = buildHello({ serverName: 'nobody.example' });
const ping = Buffer.alloc(64, 'ping');
const bulk = Buffer.alloc(256 * 1024, 'bulk');

/** What was done since the last look. */
export interface Done {
  /** Connections and pings. */
  readonly operations: number;
  /** From connecting to the last echoed byte of a short connection. */
  readonly latenciesMs: readonly number[];
  /** The same without a proxy. */
  readonly directMs: readonly number[];
  readonly failures: readonly string[];
}

/** Always the same load: new connections of every kind at a steady rate, and some that stay and ping. */
export class MixedLoad {
  readonly #port: number;
  readonly #directPort: number;
  readonly #random: Random = seededRandom(1);
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #staying: Socket[] = [];
  readonly #events = new EventEmitter();
  #underWay = 0;
  #started = 0;
  #operations = 0;
  #latenciesMs: number[] = [];
  #directMs: number[] = [];
  #failures: string[] = [];

  constructor(port: number, directPort: number) {
    this.#port = port;
    this.#directPort = directPort;
  }

  start(): void {
    this.#timers.push(setInterval(() => void this.#connectOnce(), newConnectionEveryMs));
    for (let i = 0; i < idleConnections; i++) this.#stay();
  }

  take(): Done {
    const done = {
      operations: this.#operations,
      latenciesMs: this.#latenciesMs,
      directMs: this.#directMs,
      failures: this.#failures,
    };
    this.#operations = 0;
    this.#latenciesMs = [];
    this.#directMs = [];
    this.#failures = [];
    return done;
  }

  /** Resolves when nothing is under way. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    for (const socket of this.#staying) socket.end();
    while (this.#underWay > 0) await once(this.#events, 'ended');
  }

  async #connectOnce(): Promise<void> {
    this.#started += 1;
    if (this.#started % directEvery === 0) this.#directMs.push(await this.#echo(this.#directPort, hello));
    const kind = this.#random.below(10);
    if (kind < 7) this.#latenciesMs.push(await this.#echo(this.#port, hello));
    else if (kind === 7) await this.#echo(this.#port, Buffer.concat([hello, bulk]));
    else if (kind === 8) await this.#call(nowhere, () => {});
    else await this.#call(hello, (socket) => void socket.resetAndDestroy());
    this.#operations += 1;
  }

  /** How long it took until all had come back. */
  async #echo(port: number, bytes: Uint8Array): Promise<number> {
    const startedAt = performance.now();
    let tookMs = Number.NaN;
    let received = 0;
    await this.#call(
      bytes,
      (socket, chunk) => {
        received += chunk.length;
        if (received < bytes.length) return;
        tookMs = performance.now() - startedAt;
        socket.end();
      },
      port,
    );
    if (Number.isNaN(tookMs)) this.#failures.push(`${received} of ${bytes.length} bytes came back`);
    return tookMs;
  }

  #call(
    bytes: Uint8Array,
    onChunk: (socket: Socket, chunk: Buffer) => void,
    port = this.#port,
  ): Promise<void> {
    return new Promise((resolve) => {
      const socket = this.#connect(port);
      socket.setTimeout(patienceMs, () => socket.destroy());
      socket.on('data', (chunk) => onChunk(socket, chunk));
      socket.once('close', () => resolve());
      socket.write(bytes);
    });
  }

  #stay(): void {
    const socket = this.#connect(this.#port);
    this.#staying.push(socket);
    socket.on('data', () => {
      this.#operations += 1;
    });
    socket.write(hello);
    const timer = setInterval(() => socket.write(ping), pingEveryMs);
    this.#timers.push(timer);
    socket.once('end', () => clearInterval(timer));
  }

  #connect(port: number): Socket {
    this.#underWay += 1;
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    // Refused and reset ones are part of the load; that echoes come back is looked at.
    socket.on('error', () => {});
    socket.once('close', () => {
      this.#underWay -= 1;
      this.#events.emit('ended');
    });
    return socket;
  }
}
