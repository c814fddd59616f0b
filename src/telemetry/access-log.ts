import { openSync } from 'node:fs';

import pino from 'pino';
import type { SocketAddress } from '../data-plane/data-plane.ts';
import type { ConnectionObserver, ConnectionSummary } from './connection-summary.ts';

/** The part of a file destination that the log needs. */
interface Destination {
  write(line: string): boolean;
  flushSync(): void;
  end(): void;
  reopen(path: string): void;
}

/** How long a line may wait for others before it is written. */
const flushIntervalMs = 100;
/** Bytes gathered before a write; and bytes waiting past which lines are dropped rather than held in memory. */
const gatheredBytes = 8 * 1024;
const mostWaitingBytes = 16 * 1024 * 1024;

/** Writes one JSON object a line for each connection that ended, gathered and without waiting for the disk. */
export class AccessLog implements ConnectionObserver {
  readonly wantsHello = true;
  /** Undefined: standard output. */
  readonly #path: string | undefined;
  readonly #destination: Destination;
  readonly #flushTimer: NodeJS.Timeout;
  /** Lines lost because the destination could not keep up or could not be written. */
  lost = 0;

  /** `target`: `stdout` or a file's path, which is opened at once, before privileges are dropped. */
  constructor(target: string) {
    this.#path = target === 'stdout' ? undefined : target;
    const destination = pino.destination({
      dest: this.#path === undefined ? 1 : openSync(this.#path, 'a', 0o640),
      sync: false,
      minLength: gatheredBytes,
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
    this.#destination = destination;
    this.#flushTimer = setInterval(() => destination.flush(), flushIntervalMs).unref();
  }

  ended(summary: ConnectionSummary): void {
    this.#destination.write(`${JSON.stringify(accessLogEntry(summary, new Date()))}\n`);
  }

  /** For log rotation: opens the path anew. */
  reopen(): void {
    if (this.#path !== undefined) this.#destination.reopen(this.#path);
  }

  /** Writes what is left. */
  close(): void {
    clearInterval(this.#flushTimer);
    try {
      this.#destination.flushSync();
    } catch {
      this.lost += 1;
    }
    this.#destination.end();
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
