import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { LineLog } from './line-log.ts';

export type Plane = 'native' | 'portable';
export const planes: readonly Plane[] = ['native', 'portable'];

const program = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** What precedes a command's own arguments: the way `sluice` is called from a source tree. */
export const commandLine: readonly string[] = ['--import', 'tsx', program];

/** A proxy that a test started, as anyone outside sees it: a process, its ports and the lines it writes. */
export class EdgeProxy {
  readonly child: ChildProcess;
  /** stdout: the access log, where the configuration does not say otherwise. */
  readonly access = new LineLog();
  /** stderr: what happens to the process itself. */
  readonly events = new LineLog();
  readonly exit: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  readonly #ports = new Map<string, number>();

  constructor(child: ChildProcess) {
    this.child = child;
    this.access.follow(child.stdout);
    this.events.follow(child.stderr);
    this.exit = once(child, 'exit').then(([code, signal]) => ({ code, signal }));
  }

  async serving(listeners: number): Promise<this> {
    for (let count = 0; count < listeners; count += 1) {
      const line = await this.events.next(
        (event) => event['msg'] === 'serving' && !this.#ports.has(String(event['listener'])),
      );
      this.#ports.set(String(line['listener']), Number(/:(\d+)$/.exec(String(line['address']))?.[1]));
    }
    return this;
  }

  port(listener = 'edge'): number {
    const port = this.#ports.get(listener);
    if (port === undefined) throw new Error(`no listener ${listener}`);
    return port;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL');
    await this.exit;
  }
}

export interface ProxyConfig {
  readonly [key: string]: unknown;
  readonly listeners?: readonly { readonly name: string; readonly [key: string]: unknown }[];
}

/** Runs `sluice run` on one worker with the given configuration, and ends it with the test. */
export async function startProxy(test: TestContext, plane: Plane, config: ProxyConfig): Promise<EdgeProxy> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-acceptance-'));
  const file = join(folder, 'sluice.json');
  const listeners = config.listeners ?? [{ name: 'edge', address: '127.0.0.1:0' }];
  await writeFile(
    file,
    JSON.stringify({ workers: 1, dataPlane: plane, admin: { address: false }, ...config, listeners }),
  );
  const child = spawn(process.execPath, [...commandLine, 'run', '-c', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const proxy = new EdgeProxy(child);
  test.after(async () => {
    await proxy.stop();
    await rm(folder, { recursive: true, force: true });
  });
  return proxy.serving(listeners.length);
}
