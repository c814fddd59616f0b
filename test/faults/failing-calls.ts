import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export type FailingCall = 'accept4' | 'socket' | 'connect' | 'epoll_ctl' | 'pipe2';
export type FailureCode = Extract<keyof typeof constants.errno, `E${string}`> | 'ENFILE';

const source = fileURLToPath(new URL('failing-calls.cc', import.meta.url));

/** System calls of one process that fail as they are told. */
export class FailingCalls {
  readonly #folder = mkdtempSync(join(tmpdir(), 'sluice-failing-calls-'));
  readonly #order = join(this.#folder, 'order');
  readonly #library = join(this.#folder, 'failing-calls.so');

  constructor() {
    execFileSync('c++', ['-std=c++17', '-shared', '-fPIC', source, '-o', this.#library, '-ldl']);
  }

  /** What the process has to be started with. */
  get environment(): NodeJS.ProcessEnv {
    return { LD_PRELOAD: this.#library, SLUICE_FAILING_CALL: this.#order };
  }

  /** From now on, so many times; 0: until `mend`. */
  fail(call: FailingCall, code: FailureCode, times = 0): void {
    rmSync(`${this.#order}.failed`, { force: true });
    writeFileSync(this.#order, `${call} ${constants.errno[code]} ${times}`);
  }

  mend(): void {
    rmSync(this.#order, { force: true });
  }

  /** Since `fail`. */
  get failures(): number {
    return statSync(`${this.#order}.failed`, { throwIfNoEntry: false })?.size ?? 0;
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
