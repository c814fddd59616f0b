import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { pinned } from '../machine.ts';

/** What a load program prints at its end. */
export interface LoadResult {
  readonly operations: number;
  readonly bytes: number;
  readonly errors: number;
  readonly seconds: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  /** Of each watched process, in that time. */
  readonly cpuNs: readonly number[];
}

/** A load program: it prints a word for each thing reached, and its result, in JSON, at the end. */
export class LoadRun {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #words: AsyncIterator<string>;
  #errors = '';

  constructor(command: readonly string[], processors: string | undefined) {
    const [file = '', ...args] = pinned(processors, command);
    this.#child = spawn(file, args, { stdio: 'pipe' });
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text;
    });
    this.#child.stdin.on('error', () => {});
    this.#words = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** Resolves once it has printed this word. */
  async said(word: string): Promise<void> {
    const { value, done } = await this.#words.next();
    if (done || value !== word) throw new Error(this.#errors.trim() || `the load said ${value}`);
  }

  async result(): Promise<LoadResult> {
    const { value, done } = await this.#words.next();
    if (done) throw new Error(this.#errors.trim() || 'the load ended without a result');
    return JSON.parse(value);
  }

  /** For programs that do so: once more what they were started for. */
  again(): void {
    this.#child.stdin.write('+');
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'close');
    this.#child.kill('SIGKILL');
    await ended;
  }
}
