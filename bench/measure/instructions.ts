import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

/**
 * In the machine of `npm run bench:instructions` each instruction takes a nanosecond by the machine's own clock: what takes
 * its processor's time is what it executes, all of it and exactly.
 */
export const isNanosecondAnInstruction = process.env['SLUICE_BENCH_EMULATED'] === 'yes';

/** Whether this machine has hardware counters that `perf` may read. */
export function hasInstructionCounters(): boolean {
  const { stderr, status } = spawnSync('perf', ['stat', '-x,', '-e', 'instructions', 'true'], {
    encoding: 'utf8',
  });
  return status === 0 && parseCount(stderr) !== undefined;
}

/** Counts what these processes do, user and kernel, until `stop`. */
export class InstructionCount {
  readonly #perf;
  #output = '';

  constructor(pids: readonly number[], event = 'instructions') {
    this.#perf = spawn('perf', ['stat', '-x,', '-e', event, '-p', pids.join(',')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#perf.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text;
    });
  }

  /** Undefined when `perf` could not count. */
  async stop(): Promise<number | undefined> {
    const ended = once(this.#perf, 'close');
    this.#perf.kill('SIGINT');
    await ended;
    return parseCount(this.#output);
  }
}

function parseCount(text: string): number | undefined {
  const count = /^(\d+(?:\.\d+)?),/m.exec(text)?.[1];
  return count === undefined ? undefined : Number(count);
}
