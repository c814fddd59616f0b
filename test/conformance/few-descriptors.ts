import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { DataPlane } from '../../src/data-plane/data-plane.ts';
import { EventQueue } from './event-queue.ts';
import type { FewDescriptorsState } from './few-descriptors-plane.ts';

/** Node itself, its loader and the plane take about 30. */
const maxDescriptors = 64;
const script = fileURLToPath(new URL('few-descriptors-plane.ts', import.meta.url));

/** A plane in a process that may have `maxDescriptors` descriptors open. */
export class FewDescriptors {
  readonly #process: ChildProcess;
  readonly #states = new EventQueue<FewDescriptorsState>('state');

  private constructor(process: ChildProcess) {
    this.#process = process;
    process.on('message', (state) => this.#states.push(state as FewDescriptorsState));
  }

  static async start(
    kind: DataPlane['kind'],
    upstreamPort: number,
  ): Promise<[FewDescriptors, FewDescriptorsState]> {
    const node = [process.execPath, '--import', 'tsx', script, kind, String(upstreamPort)];
    const child = spawn('sh', ['-c', `ulimit -n ${maxDescriptors} && exec "$@"`, 'sh', ...node], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const plane = new FewDescriptors(child);
    return [plane, await plane.#states.next()];
  }

  state(): Promise<FewDescriptorsState> {
    this.#process.send('state');
    return this.#states.next();
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const exited = once(this.#process, 'exit');
    this.#process.disconnect();
    await exited;
  }
}
