import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Placement, pinned } from './machine.ts';
import { processTree } from './measure/process-tree.ts';
import { daemonEnvironment, type Job, type Peer } from './peers/peer.ts';
import { freePort } from './ports.ts';

const patienceMs = 60_000;

/** A proxy as a process, accepting; or, without a port, none: its clients go straight to the backends. */
export interface Target {
  readonly name: string;
  readonly port: number | undefined;
  /** Every process of it. */
  readonly pids: readonly number[];
}

export const direct: Target = { name: 'no proxy', port: undefined, pids: [] };

export type JobSize = Omit<Job, 'folder' | 'port'>;

export class RunningProxy implements Target {
  readonly name: string;
  readonly port: number;
  readonly #peer: Peer;
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #output: string[] = [];

  private constructor(peer: Peer, job: Job, placement: Placement) {
    this.name = peer.name;
    this.port = job.port;
    this.#peer = peer;
    this.#folder = job.folder;
    const [command = '', ...args] = pinned(placement.proxy, peer.commandLine(job));
    const child = spawn(command, args, { env: daemonEnvironment, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output.push(text);
        if (this.#output.length > 20) this.#output.shift();
      });
    }
  }

  /** Resolves once it accepts. */
  static async start(peer: Peer, size: JobSize, placement: Placement): Promise<RunningProxy> {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
    const proxy = new RunningProxy(peer, { ...size, folder, port: await freePort() }, placement);
    try {
      await proxy.#accepts();
      return proxy;
    } catch (error) {
      await proxy.stop();
      throw error;
    }
  }

  /** Writes the configuration anew, for the proxy to load when it is told to. */
  configure(size: JobSize): void {
    this.#peer.commandLine({ ...size, folder: this.#folder, port: this.port });
  }

  /** The first is the one that was started. */
  get pids(): readonly number[] {
    return this.#child.pid === undefined ? [] : processTree(this.#child.pid);
  }

  /** At once: nothing of it is to be saved. */
  async stop(): Promise<void> {
    const pids = this.pids;
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = once(this.#child, 'close');
      for (const pid of pids) process.kill(pid, 'SIGKILL');
      await ended;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #accepts(): Promise<void> {
    const deadline = performance.now() + patienceMs;
    while (!(await canConnect(this.port))) {
      const hasEnded = this.#child.exitCode !== null || this.#child.signalCode !== null;
      if (hasEnded || performance.now() > deadline) {
        throw new Error(`${this.name} does not accept: ${this.#output.join('').trim() || 'it says nothing'}`);
      }
      await delay(20);
    }
  }
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1');
    socket.once('connect', () => socket.destroy());
    socket.once('error', () => resolve(false));
    socket.once('close', (hadError) => resolve(!hadError));
  });
}
