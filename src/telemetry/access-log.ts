import { openSync } from 'node:fs';

import pino from 'pino';
import type { SocketAddress } from '../data-plane/data-plane.ts';
import type { ConnectionObserver, ConnectionSummary } from './connection-summary.ts';

/** The part of a file destination that the log needs. */
interface Destination {
  write(line: string): boolean;
  flush(): void;
  /** Writes what is left, and then closes. */
  end(): void;
  once(event: 'close' | 'error', listener: () => void): unknown;
}

/** Where a log could go on. */
export interface PreparedTarget {
  use(): void;
  discard(): void;
}

/** How long a line may wait for others before it is written. */
const flushIntervalMs = 100;
/** Bytes gathered before a write; and bytes waiting past which lines are dropped rather than held in memory. */
const gatheredBytes = 64 * 1024;
const mostWaitingBytes = 16 * 1024 * 1024;
/** What the last lines get to be written: a pipe that nobody reads would hold the process for ever. */
const lastLinesMs = 2_000;

/** Writes one JSON object a line for each connection that ended, gathered and without waiting for the disk. */
export class AccessLog implements ConnectionObserver {
  #target: string;
  /** Undefined: it is off. */
  #destination: Destination | undefined;
  readonly #flushTimer: NodeJS.Timeout;
  /** Lines lost because the destination could not keep up or could not be written. */
  lost = 0;

  /** `target`: `stdout`, `off` or a file's path, which is opened at once, before privileges are dropped. */
  constructor(target: string) {
    this.#target = target;
    this.#destination = this.#open(target);
    this.#flushTimer = setInterval(() => this.#destination?.flush(), flushIntervalMs).unref();
  }

  get wantsHello(): boolean {
    return this.#destination !== undefined;
  }

  ended(summary: ConnectionSummary): void {
    this.#destination?.write(`${JSON.stringify(accessLogEntry(summary, new Date()))}\n`);
  }

  /** Opens another target, to be used from some moment on, or not at all. Throws where it cannot be opened. */
  prepare(target: string): PreparedTarget {
    if (target === this.#target) return { use: () => {}, discard: () => {} };
    const next = this.#open(target);
    const use = () => {
      this.#destination?.end();
      this.#target = target;
      this.#destination = next;
    };
    return { use, discard: () => next?.end() };
  }

  /** For log rotation: opens the path anew. Where that fails, the log goes on in the file it has. */
  reopen(): void {
    if (this.#target === 'stdout') return;
    try {
      const next = this.#open(this.#target);
      this.#destination?.end();
      this.#destination = next;
    } catch {
      this.lost += 1;
    }
  }

  /** Resolves when what is left is written, or will not be. */
  async close(): Promise<void> {
    clearInterval(this.#flushTimer);
    const destination = this.#destination;
    this.#destination = undefined;
    if (destination === undefined) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, lastLinesMs);
      for (const event of ['close', 'error'] as const) {
        destination.once(event, () => {
          clearTimeout(timer);
          resolve();
        });
      }
      destination.end();
    });
  }

  #open(target: string): Destination | undefined {
    if (target === 'off') return undefined;
    const destination = pino.destination({
      dest: target === 'stdout' ? 1 : openSync(target, 'a', 0o640),
      sync: false,
      minLength: gatheredBytes,
      maxWrite: 2 * gatheredBytes,
      maxLength: mostWaitingBytes,
      mkdir: false,
    });
    destination.on('drop', () => {
      this.lost += 1;
    });
    // A full disk or a closed pipe costs lines, not connections.
    destination.on('error', () => {
      this.lost += 1;
    });
    return destination;
  }
}

/** A connection as the access log shows it: every key is always there, null where there is nothing to say. */
export function accessLogEntry(summary: ConnectionSummary, time: Date): Record<string, unknown> {
  const { hello, ending } = summary;
  return {
    time: time.toISOString(),
    id: summary.id,
    listener: summary.listener,
    client: formatSocketAddress(summary.client),
    serverName: hello?.serverName ?? null,
    alpn: hello?.alpn ?? null,
    tlsVersion: hello?.tlsVersion ?? null,
    ja4: hello?.ja4 ?? null,
    ech: hello?.ech ?? null,
    route: summary.route ?? null,
    upstream: summary.upstream ?? null,
    endpoint: summary.endpoint ?? null,
    attempts: ending.attempts,
    bytesUp: ending.bytesUp,
    bytesDown: ending.bytesDown,
    helloMs: roundedMs(ending.helloMs),
    connectMs: roundedMs(ending.connectMs),
    durationMs: roundedMs(ending.durationMs),
    outcome: ending.outcome,
  };
}

export function formatSocketAddress({ address, port, family }: SocketAddress): string {
  return family === 6 ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Microseconds are what the clock gives. */
function roundedMs(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.round(ms * 1000) / 1000;
}
