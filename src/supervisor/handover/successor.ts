import { type ChildProcess, spawn } from 'node:child_process';

import type { BoundSocket } from '../bound-socket.ts';
import type { ListeningSockets } from '../listening-sockets.ts';
import { type Handover, handoverVariable, type ToSuccessor, toPredecessor } from './messages.ts';

export type SuccessorStart =
  /** It serves. `kept`: what it goes on with. */
  | { readonly ok: true; readonly kept: ReadonlySet<BoundSocket> }
  /** One line each. */
  | { readonly ok: false; readonly problems: readonly string[] };

/** Those that a child has from the start: standard input, output and error, and the channel. */
const firstDescriptor = 4;
/** A start with a million routes takes less. */
const patienceMs = 180_000;

/** The program started anew, with the listening sockets of this process. */
export class Successor {
  /** Resolves when it serves, or when it never will. */
  readonly settled: Promise<SuccessorStart>;
  readonly #child: ChildProcess;
  readonly #sockets: readonly BoundSocket[];
  #settle: (start: SuccessorStart) => void = () => {};

  /** The same command, read from disk again. */
  constructor(sockets: ListeningSockets, generation: number) {
    this.#sockets = [...sockets.all()];
    this.settled = new Promise((resolve) => {
      this.#settle = resolve;
    });
    const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
      env: environment(describe(sockets, generation)),
      stdio: ['inherit', 'inherit', 'inherit', 'ipc', ...this.#sockets.map(({ fd }) => fd)],
    });
    this.#child = child;
    const timer = setTimeout(() => {
      this.#fail([`the new process does not serve within ${patienceMs / 1000} s`]);
      this.end();
    }, patienceMs);
    child.on('message', (message) => this.#receive(message));
    child.once('error', (error) => this.#fail([`the new process does not start: ${error.message}`]));
    child.once('exit', (code, signal) => {
      this.#fail([`the new process ended before it served (${signal ?? `exit code ${code}`}); see its log`]);
    });
    void this.settled.then(() => clearTimeout(timer));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Tells it that it is alone from here on, and lets it go. */
  takeOver(): void {
    const message: ToSuccessor = { kind: 'take-over' };
    if (this.#child.connected) this.#child.send(message, () => this.#letGo());
    else this.#letGo();
  }

  /** It is not wanted: what it has accepted already gets its time to end. */
  end(): void {
    this.#child.kill('SIGTERM');
    this.#fail(['the new process was ended before it served']);
    // The channel stays: its end would mean that this process is gone.
    this.#child.channel?.unref();
    this.#child.unref();
  }

  #receive(message: unknown): void {
    const parsed = toPredecessor.safeParse(message);
    if (!parsed.success) return;
    if (parsed.data.kind === 'failed') {
      this.#fail(parsed.data.problems);
    } else this.#settle({ ok: true, kept: new Set(parsed.data.kept.flatMap((fd) => this.#socketOf(fd))) });
  }

  #socketOf(fd: number): BoundSocket[] {
    const socket = this.#sockets[fd - firstDescriptor];
    return socket === undefined ? [] : [socket];
  }

  #fail(problems: readonly string[]): void {
    this.#settle({ ok: false, problems });
  }

  /** Nothing of it keeps this process. */
  #letGo(): void {
    if (this.#child.connected) this.#child.disconnect();
    this.#child.unref();
  }
}

function describe(sockets: ListeningSockets, generation: number): Handover {
  let next = firstDescriptor;
  const listeners = Array.from(sockets.listeners(), ({ listener: { name, host, port }, sockets }) => ({
    name,
    host: host ?? null,
    port,
    isActivated: sockets[0]?.owner === 'service-manager',
    descriptors: sockets.map(() => next++),
  }));
  return { generation, listeners };
}

/** This process's own, without the process id that a service manager meant by it. */
function environment(handover: Handover): NodeJS.ProcessEnv {
  const { WATCHDOG_PID: _, ...env } = process.env;
  return { ...env, [handoverVariable]: JSON.stringify(handover) };
}
