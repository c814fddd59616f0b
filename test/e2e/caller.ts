import { EventEmitter, once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface CallOptions {
  /** The proxy's address [127.0.0.1]. */
  readonly to?: string;
  /** The address to call from. */
  readonly from?: string;
  /** What to say first; the default is no TLS. */
  readonly say?: string | Uint8Array;
}

/** Nobody waits for ever: what hangs ends with the code ETIMEDOUT. */
const patienceMs = 30_000;

/** A client of a `NamedBackend`: asks who is there, over one connection. */
export class Caller {
  /** Resolves when the connection is gone: `alert 112`, `end` or an error's code. */
  readonly ended: Promise<string>;
  readonly #socket: Socket;
  readonly #say: string | Uint8Array;
  /** Not the socket: waiting for one of its events fails when it does. */
  readonly #events = new EventEmitter();
  #received = '';
  #end: string | undefined;

  constructor(port: number, { to = '127.0.0.1', from, say = 'who?' }: CallOptions = {}) {
    this.#say = say;
    const socket = connect({ port, host: to, ...(from !== undefined && { localAddress: from }) });
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.setTimeout(patienceMs, () => {
      socket.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' }));
    });
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      this.#received += text;
      this.#events.emit('progress');
    });
    let code = 'end';
    socket.on('error', (error: NodeJS.ErrnoException) => {
      code = error.code ?? error.message;
    });
    this.ended = new Promise((resolve) => {
      socket.on('close', () => {
        this.#end = alertIn(this.#received) ?? code;
        resolve(this.#end);
        this.#events.emit('progress');
      });
    });
  }

  /** Its own address and port, as logs write them. */
  get address(): string {
    const { localAddress = '', localPort } = this.#socket;
    return localAddress.includes(':') ? `[${localAddress}]:${localPort}` : `${localAddress}:${localPort}`;
  }

  /** The next line that comes back, or how the connection ended before one came. */
  async ask(): Promise<string> {
    this.#socket.write(this.#say);
    for (;;) {
      const end = this.#received.indexOf('\n');
      if (end >= 0) {
        const line = this.#received.slice(0, end);
        this.#received = this.#received.slice(end + 1);
        return line;
      }
      if (this.#end !== undefined) return this.#end;
      await once(this.#events, 'progress');
    }
  }

  /** Resolves when the connection is gone. */
  async hangUp(): Promise<void> {
    this.#socket.end();
    await this.ended;
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

/** Who answers, or how the connection ended instead; it is gone then. */
export async function call(port: number, options: CallOptions = {}): Promise<string> {
  const caller = new Caller(port, options);
  const answer = await caller.ask();
  await caller.hangUp();
  return answer;
}

/** The results of `count` calls of `make`, no more than `atOnce` of them under way. */
export async function inParallel<Result>(
  count: number,
  atOnce: number,
  make: (index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  const takeTurns = async () => {
    while (next < count) {
      const index = next++;
      results[index] = await make(index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, takeTurns));
  return results;
}

export function tally(names: Iterable<string>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

function alertIn(received: string): string | undefined {
  const isAlert = received.startsWith('\x15\x03') && received.slice(3, 6) === '\0\x02\x02';
  return isAlert ? `alert ${received.charCodeAt(6)}` : undefined;
}
