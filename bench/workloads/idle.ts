import type { LoadRun } from '../load/load-run.ts';
import { kernelBytes, userBytes } from '../measure/memory.ts';
import type { Target } from '../running-proxy.ts';
import type { Figures, Workload } from './workload.ts';

const steps = 4;

/**
 * What one connection more costs, from a quarter of them to all: what a proxy sets up once is left out. Kernel memory is
 * the whole machine's: the sockets of the client, of the proxy and of the backend.
 */
export const idle: Workload = {
  name: 'idle',
  title: 'memory for an idle connection',
  unit: 'connection',
  cost: 'userBytes',
  isFresh: true,
  async measure(target, stage) {
    const run = stage.native(target, { mode: 'idle', clients: stage.scale.idleStep });
    try {
      return await grow(run, target, stage.scale.idleStep);
    } finally {
      await run.stop();
    }
  },
};

async function grow(run: LoadRun, target: Target, step: number): Promise<Figures> {
  const memory = () => ({ user: userBytes(target.pids), kernel: kernelBytes() });
  await run.said('ready');
  const first = memory();
  for (let done = 1; done < steps; done++) {
    run.again();
    await run.said('ready');
  }
  const last = memory();
  const connections = step * (steps - 1);
  return {
    ...(target.pids.length > 0 ? { userBytes: (last.user - first.user) / connections } : {}),
    ...(first.kernel === undefined || last.kernel === undefined
      ? {}
      : { kernelBytes: (last.kernel - first.kernel) / connections }),
    errors: 0,
  };
}
