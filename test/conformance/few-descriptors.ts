import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { DataPlane } from '../../src/data-plane/data-plane.ts';
import type { FewDescriptorsState } from './few-descriptors-plane.ts';

/** Node itself, its loader and the plane take about 30. */
const maxDescriptors = 64;
const script = fileURLToPath(new URL('few-descriptors-plane.ts', import.meta.url));

/** A plane in a process that may have `maxDescriptors` descriptors open. */
export class FewDescriptors {
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess) {
    this.#process = process;
  }

  static async start(
    kind: DataPlane['kind'],
    upstreamPort: number,
  ): Promise<[FewDescriptors, FewDescriptorsState]> {
    const node = [process.execPath, '--import', 'tsx', script, kind, String(upstreamPort)];
    const child = spawn('sh', ['-c', `ulimit -n ${maxDescriptors} && exec "$@"`, 'sh', ...node], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    return [new FewDescriptors(child), await nextState(child)];
  }

  state(): Promise<FewDescriptorsState> {
    const next = nextState(this.#process);
    this.#process.send('state');
    return next;
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const exited = once(this.#process, 'exit');
    this.#process.disconnect();
    await exited;
  }
}

async function nextState(child: ChildProcess): Promise<FewDescriptorsState> {
  const exited = once(child, 'exit').then(([code]) => {
    throw new Error(`the plane's process ended with ${code}`);
  });
  const [state] = await Promise.race([once(child, 'message'), exited]);
  return state as FewDescriptorsState;
}
