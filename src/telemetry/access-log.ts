import { openSync } from 'node:fs';
import { AccessLogLines } from './access-log-lines.ts';
import type { ConnectionObserver, ConnectionSummary } from './connection-summary.ts';
import { GatheredLines } from './gathered-lines.ts';

/** Where a log could go on. */
export interface PreparedTarget {
  use(): void;
  discard(): void;
}

/** What the last lines get to be written: a pipe that nobody reads would hold the process for ever. */
const lastLinesMs = 2_000;
const stdout = 1;

/** Writes one JSON object a line for each connection that ended, gathered and without waiting for the disk. */
export class AccessLog implements ConnectionObserver {
  #target: string;
  /** Undefined: it is off. */
  #destination: GatheredLines | undefined;
  readonly #lines = new AccessLogLines();
  /** Lines lost because the destination could not keep up or could not be written. */
  lost = 0;

  /** `target`: `stdout`, `off` or a file's path, which is opened at once, before privileges are dropped. */
  constructor(target: string) {
    this.#target = target;
    this.#destination = this.#open(target);
  }

  get wantsProfile(): boolean {
    return this.#destination !== undefined;
  }

  ended(summary: ConnectionSummary): void {
    if (this.#destination !== undefined) this.#lines.write(this.#destination, summary, Date.now());
  }

  /** Opens another target, to be used from some moment on, or not at all. Throws where it cannot be opened. */
  prepare(target: string): PreparedTarget {
    if (target === this.#target) return { use: () => {}, discard: () => {} };
    const next = this.#open(target);
    const use = () => {
      void this.#destination?.close();
      this.#target = target;
      this.#destination = next;
    };
    return { use, discard: () => void next?.close() };
  }

  /** For log rotation: opens the path anew. Where that fails, the log goes on in the file it has. */
  reopen(): void {
    if (this.#target === 'stdout') return;
    try {
      const next = this.#open(this.#target);
      void this.#destination?.close();
      this.#destination = next;
    } catch {
      this.lost += 1;
    }
  }

  /** Resolves when what is left is written, or will not be. */
  async close(): Promise<void> {
    const destination = this.#destination;
    this.#destination = undefined;
    if (destination === undefined) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        destination.giveUp();
        resolve();
      }, lastLinesMs);
      void destination.close().then(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #open(target: string): GatheredLines | undefined {
    if (target === 'off') return undefined;
    // A full disk or a closed pipe costs lines, not connections.
    return new GatheredLines(target === 'stdout' ? stdout : openSync(target, 'a', 0o640), (lines) => {
      this.lost += lines;
    });
  }
}
