import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

import { buildHello } from '../tls/hello-builder.ts';

/** One connection as its client saw it. */
export interface Visit {
  /** `127.0.0.1:PORT`, as the access log has it. */
  readonly client: string;
  readonly startedAt: number;
  readonly endedAt: number;
  /** As many went up as came back. */
  readonly bytes: number;
  /** `ok`, or how it failed. */
  readonly end: string;
}

const hello = Buffer.from(buildHello({ serverName: 'shop.test' }));
const mostPayload = 20_000;
/** Nobody waits for ever. */
const patienceMs = 60_000;

/** A client of an echo behind the proxy that begins with a ClientHello, and checks what comes back. */
class Echoed {
  readonly startedAt = performance.now();
  readonly #socket: Socket;
  readonly #end: Promise<string>;
  bytes = 0;
  client = '';

  constructor(port: number) {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket = socket;
    socket.setTimeout(patienceMs, () => socket.destroy(Object.assign(new Error(), { code: 'ETIMEDOUT' })));
    socket.on('connect', () => {
      this.client = `127.0.0.1:${socket.localPort}`;
    });
    let end = 'ok';
    socket.on('error', (error: NodeJS.ErrnoException) => {
      end = error.code ?? error.message;
    });
    this.#end = new Promise((resolve) => socket.once('close', () => resolve(end)));
  }

  /** Whether all of it came back. */
  async echo(sent: Buffer): Promise<boolean> {
    this.#socket.write(sent);
    for (let at = 0; at < sent.length; ) {
      const chunk = this.#read(sent.length - at) ?? (await this.#more());
      if (chunk === undefined) return false;
      if (!chunk.equals(sent.subarray(at, at + chunk.length))) throw new Error('other bytes came back');
      at += chunk.length;
      this.bytes += chunk.length;
    }
    return true;
  }

  /** Ends it, unless it has ended. */
  async visit(hasFailed: boolean): Promise<Visit> {
    this.#socket.resume();
    this.#socket.end();
    const how = await this.#end;
    const end = how === 'ok' && hasFailed ? 'ended early' : how;
    const { client, startedAt, bytes } = this;
    return { client, startedAt, endedAt: performance.now(), bytes, end };
  }

  #read(most: number): Buffer | undefined {
    return this.#socket.read(Math.min(most, this.#socket.readableLength)) ?? undefined;
  }

  /** What has come next; undefined: the end. */
  async #more(): Promise<Buffer | undefined> {
    const gone = new AbortController();
    const { signal } = gone;
    const readable = once(this.#socket, 'readable', { signal }).then(
      () => this.#socket.readableLength > 0,
      () => false,
    );
    const isMore = await Promise.race([readable, this.#end.then(() => false)]);
    gone.abort();
    return isMore ? Buffer.alloc(0) : undefined;
  }
}

/** New connections in closed loops, and streams that live on: every one is accounted for. */
export class OperationsLoad {
  /** Those that have ended. */
  readonly visits: Visit[] = [];
  readonly #port: number;
  readonly #streams = new Set<Echoed>();
  #isOpen = false;
  #isStreaming = true;
  #callers: Promise<void>[] = [];
  readonly #streamers: Promise<void>[];

  constructor(port: number, streams: number) {
    this.#port = port;
    this.#streamers = Array.from({ length: streams }, () => this.#stream());
  }

  /** How many streams have begun to live: their first bytes have come back. */
  get liveStreams(): number {
    return [...this.#streams].filter(({ bytes }) => bytes > 0).length;
  }

  open(callers: number): void {
    this.#isOpen = true;
    this.#callers = Array.from({ length: callers }, () => this.#call());
  }

  /** No new connections; resolves when those under way have ended. Streams go on. */
  async close(): Promise<void> {
    this.#isOpen = false;
    await Promise.all(this.#callers);
  }

  async endStreams(): Promise<void> {
    this.#isStreaming = false;
    await Promise.all(this.#streamers);
  }

  async #call(): Promise<void> {
    for (let turn = 0; this.#isOpen; turn++) {
      const connection = new Echoed(this.#port);
      const payload = Buffer.alloc((turn * 997) % mostPayload, turn);
      const isWhole = await connection.echo(Buffer.concat([hello, payload]));
      this.visits.push(await connection.visit(!isWhole));
    }
  }

  /** One that breaks is followed by another. */
  async #stream(): Promise<void> {
    while (this.#isStreaming) {
      const connection = new Echoed(this.#port);
      this.#streams.add(connection);
      let isWhole = await connection.echo(hello);
      for (let turn = 0; isWhole && this.#isStreaming; turn++) {
        isWhole = await connection.echo(Buffer.alloc(1_000, turn));
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      this.#streams.delete(connection);
      this.visits.push(await connection.visit(!isWhole));
    }
  }
}
