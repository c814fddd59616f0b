import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface Seen {
  readonly latenciesMs: readonly number[];
  readonly failures: readonly string[];
  /** Since the beginning. */
  readonly calls: number;
}

/** Clients that have nothing to do with a fault, and their upstream, in a process of their own. */
export class Bystander {
  readonly #process: ChildProcess;
  readonly address: string;

  private constructor(child: ChildProcess, address: string) {
    this.#process = child;
    this.address = address;
  }

  static async open(): Promise<Bystander> {
    const child = fork(fileURLToPath(new URL('./bystander-process.ts', import.meta.url)));
    const [{ port }] = await once(child, 'message');
    return new Bystander(child, `127.0.0.1:${port}`);
  }

  /** From here on they call, again and again. */
  callAt(port: number): void {
    this.#process.send({ port });
  }

  /** What they saw since the last time. */
  async take(): Promise<Seen> {
    this.#process.send('take');
    const [seen] = await once(this.#process, 'message');
    return seen;
  }

  async close(): Promise<void> {
    const exited = once(this.#process, 'exit');
    this.#process.kill();
    await exited;
  }
}

/** The 99th percentile. */
export function p99(latenciesMs: readonly number[]): number {
  const sorted = [...latenciesMs].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN;
}
