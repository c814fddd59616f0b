import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

export type Line = Readonly<Record<string, unknown>>;

interface Waiter {
  readonly wanted: (line: Line) => boolean;
  readonly resolve: (line: Line) => void;
}

/** A stream of JSON lines; each line is handed out once, to the first who wants it. */
export class LineLog {
  readonly all: Line[] = [];
  #untaken: Line[] = [];
  #waiters: Waiter[] = [];

  follow(stream: Readable | null): void {
    if (stream === null) throw new Error('the stream is not piped');
    createInterface({ input: stream }).on('line', (text) => this.add(text));
  }

  add(text: string): void {
    const line = parse(text);
    this.all.push(line);
    const waiter = this.#waiters.find((candidate) => candidate.wanted(line));
    if (waiter === undefined) {
      this.#untaken.push(line);
      return;
    }
    this.#waiters = this.#waiters.filter((candidate) => candidate !== waiter);
    waiter.resolve(line);
  }

  /**
   * The next line not yet taken for which `wanted` holds, written already or not. Fails after a minute: a busy
   * machine takes ten seconds to start a proxy.
   */
  next(wanted: (line: Line) => boolean = () => true): Promise<Line> {
    const found = this.#untaken.find(wanted);
    if (found !== undefined) {
      this.#untaken = this.#untaken.filter((line) => line !== found);
      return Promise.resolve(found);
    }
    return new Promise((resolve, reject) => {
      const late = setTimeout(
        () => reject(new Error(`no such line; the last were ${JSON.stringify(this.all.slice(-3))}`)),
        60_000,
      );
      this.#waiters.push({
        wanted,
        resolve: (line) => {
          clearTimeout(late);
          resolve(line);
        },
      });
    });
  }

  /** The line of the connection that came from this client port. */
  ofClient(port: number): Promise<Line> {
    return this.next((line) => String(line['client']).endsWith(`:${port}`));
  }
}

function parse(text: string): Line {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : { text };
  } catch {
    return { text };
  }
}
