import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

/** The data planes there are on this platform. The native one must have been built: nothing is skipped silently. */
export const planes =
  process.platform === 'linux' ? (['native', 'portable'] as const) : (['portable'] as const);

export const mainFile = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
/** As `node` takes them to run the sources as they are. */
export const sluiceArguments: readonly string[] = ['--import', 'tsx', mainFile];

/** A line of the process log, as far as tests look at it. */
export interface LogLine {
  readonly level: string;
  readonly msg: string;
  /** Of the supervisor that says it. */
  readonly pid?: number;
  readonly successor?: number;
  readonly listener?: string;
  readonly address?: string;
  readonly dataPlane?: string;
  readonly worker?: number;
  readonly workerPid?: number;
  readonly reason?: string;
  readonly restartInMs?: number;
  readonly how?: string;
  readonly deaths?: number;
  readonly advice?: string;
  readonly time?: string;
  readonly upstream?: string;
  readonly endpoint?: string;
  readonly endpoints?: readonly string[];
  readonly state?: string;
  readonly why?: string;
  readonly kept?: number;
}

/** A line of the access log, as far as tests look at it. */
export interface AccessLine {
  readonly id: string;
  readonly client: string;
  readonly serverName: string | null;
  readonly ja4: string | null;
  readonly endpoint: string | null;
  readonly attempts: number;
  readonly outcome: string;
}

/** What a process gets beyond its arguments. */
export interface Surroundings {
  readonly env?: NodeJS.ProcessEnv;
  /** From 3 on. */
  readonly descriptors?: readonly number[];
}

const patienceMs = 30_000;

/** `sluice` as a process of its own, with all that it says. */
export class SluiceProcess {
  readonly #child: ChildProcess;
  readonly #events = new EventEmitter();
  readonly stdout: string[] = [];
  readonly stderr: string[] = [];
  /** Resolves when nothing is left of it: neither it nor what it has started. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  /** Resolves when the process itself has gone, whatever it has left behind. */
  readonly gone: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  #hasEnded = false;

  private constructor(
    command: string,
    args: readonly string[],
    input: string | undefined,
    { env, descriptors = [] }: Surroundings = {},
  ) {
    this.#events.setMaxListeners(0);
    const child = spawn(command, args, {
      stdio: ['pipe', 'pipe', 'pipe', ...descriptors],
      env: { ...process.env, ...env },
    });
    this.#child = child;
    const [stdin, stdout, stderr] = child.stdio;
    stdin?.on('error', () => {});
    stdin?.end(input);
    this.gone = new Promise((resolve) => {
      child.once('exit', (code, signal) => resolve({ code, signal }));
    });
    this.exited = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        this.#hasEnded = true;
        resolve({ code, signal });
        this.#events.emit('line');
      });
    });
    if (stdout !== null) this.#collect(stdout, this.stdout);
    if (stderr !== null) this.#collect(stderr, this.stderr);
  }

  /** `sluice ARGS`. */
  static start(
    args: readonly string[],
    input?: string,
    main = sluiceArguments,
    surroundings: Surroundings = {},
  ): SluiceProcess {
    return new SluiceProcess(process.execPath, [...main, ...args], input, surroundings);
  }

  /** `sluice ARGS` as systemd starts it, with sockets of these names; it may not serve yet. */
  static activated(
    args: readonly string[],
    descriptors: readonly number[],
    names: readonly string[],
    input?: string,
  ): SluiceProcess {
    const env = { LISTEN_FDS: String(descriptors.length), LISTEN_FDNAMES: names.join(':') };
    const shell = ['-c', 'LISTEN_PID=$$ exec "$@"', 'sh'];
    const command = [...shell, process.execPath, ...sluiceArguments, ...args];
    return new SluiceProcess('sh', command, input, { env, descriptors });
  }

  /**
   * `sluice run -c -` with this configuration; resolves once it serves. The admin address is off: tests run at once.
   * `through`: a command that becomes the one that it is given, in surroundings of its own making.
   */
  static async serve(
    config: object,
    main: readonly string[] = sluiceArguments,
    through: readonly string[] = [],
  ): Promise<SluiceProcess> {
    const input = JSON.stringify({ admin: { address: false }, ...config });
    const [command = '', ...args] = [...through, process.execPath, ...main, 'run', '-c', '-'];
    const sluice = new SluiceProcess(command, args, input);
    await sluice.logged('serving');
    return sluice;
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error('sluice was not started');
    return this.#child.pid;
  }

  get log(): readonly LogLine[] {
    return this.stderr.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
  }

  /** What it says of its first listener. */
  get serving(): LogLine {
    const line = this.log.find(({ msg }) => msg === 'serving');
    if (line === undefined) throw new Error('sluice does not serve');
    return line;
  }

  /** The port of the first listener, whichever the kernel picked. */
  get port(): number {
    const [, port] = /:(\d+)$/.exec(this.serving.address ?? '') ?? [];
    return Number(port);
  }

  /** The latest worker of each index, in their order. */
  get workerPids(): readonly number[] {
    const ready = this.log.filter(({ msg }) => msg === 'worker ready');
    const latest = new Map(ready.map(({ worker = 0, workerPid }) => [worker, Number(workerPid)]));
    return [...latest].toSorted(([a], [b]) => a - b).map(([, pid]) => pid);
  }

  /** Resolves when `count` lines say this, those of the past included. */
  async logged(message: string, count = 1): Promise<void> {
    await this.#until(
      `${count} × ${message}`,
      () => this.log.filter(({ msg }) => msg === message).length >= count,
    );
  }

  /** The first line that fits, those of the past included, from the `from`th on. */
  async found(what: string, fits: (line: LogLine) => boolean, from = 0): Promise<LogLine> {
    await this.#until(what, () => this.log.slice(from).some(fits));
    const line = this.log.slice(from).find(fits);
    if (line === undefined) throw new Error(`${what} is not in the log`);
    return line;
  }

  /** The access log on stdout. */
  get accesses(): readonly AccessLine[] {
    return this.stdout.map((line) => JSON.parse(line));
  }

  /** The access log once it has `count` lines that fit: these lines. */
  async accessed(count: number, fits: (line: AccessLine) => boolean = () => true): Promise<AccessLine[]> {
    await this.#until(`${count} lines of access log`, () => this.accesses.filter(fits).length >= count);
    return this.accesses.filter(fits);
  }

  /** Resolves when stdout has a line that fits. */
  async printed(pattern: RegExp): Promise<string> {
    await this.#until(String(pattern), () => this.stdout.some((line) => pattern.test(line)));
    return this.stdout.find((line) => pattern.test(line)) ?? '';
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** For the end of a test, however far it came: nothing of it is left running. */
  async end(): Promise<void> {
    this.kill('SIGKILL');
    const pids = this.log.flatMap(({ pid = 0, workerPid = 0 }) => [pid, workerPid]);
    for (const pid of new Set(pids)) {
      if (pid !== 0 && isRunning(pid)) process.kill(pid, 'SIGKILL');
    }
    await this.exited;
  }

  #collect(from: Readable, lines: string[]): void {
    createInterface({ input: from }).on('line', (line) => {
      lines.push(line);
      this.#events.emit('line');
    });
  }

  #until(what: string, isDone: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => fail('took too long'), patienceMs);
      const look = () => {
        if (isDone()) finish(resolve);
        else if (this.#hasEnded) fail('sluice has ended');
      };
      const finish = (settle: () => void) => {
        clearTimeout(timer);
        this.#events.off('line', look);
        settle();
      };
      const fail = (why: string) =>
        finish(() => reject(new Error(`waiting for ${what}: ${why}:\n${this.stderr.join('\n')}`)));
      this.#events.on('line', look);
      look();
    });
  }
}

/** Whether there is such a process, and it is no zombie. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    const [, state] = /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
    return state !== 'Z';
  } catch {
    return false;
  }
}

/** Looks until it holds; for what sends no event, such as the end of somebody else's child. */
export async function eventually(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${patienceMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
