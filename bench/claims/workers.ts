import { availableParallelism } from 'node:os';
import { anywhere } from '../machine.ts';
import { RunningProxy } from '../running-proxy.ts';
import { sluice } from '../sluice.ts';
import type { Stage } from '../stage.ts';
import type { Claim } from './claim.ts';
import { connectionCost } from './connection-cost.ts';

/** It shares the processors with the workers. */
const load = { spin: 'no' } as const;

/** Nobody is given processors of their own: there may be no more than two. */
async function startWorkers(workers: number, stage: Stage): Promise<RunningProxy> {
  const proxy = await RunningProxy.start(
    sluice('native', { main: stage.scale.main }),
    stage.job(workers),
    anywhere,
  );
  await stage.warm(proxy);
  return proxy;
}

export const twoWorkers: Claim = {
  name: 'workers-cpu',
  title: 'CPU of a connection, 2 workers ÷ 1',
  most: 1.1,
  async start(stage) {
    if (availableParallelism() < 2) throw new Error('there is one processor only');
    const two = await startWorkers(2, stage);
    const one = await startWorkers(1, stage);
    return {
      round: async () => (await connectionCost(two, stage, load)) / (await connectionCost(one, stage, load)),
      stop: async () => {
        await Promise.all([one.stop(), two.stop()]);
      },
    };
  },
};

export const evenWorkers: Claim = {
  name: 'workers-even',
  title: 'CPU of the busier of 2 workers ÷ their mean, new connections',
  most: 1.25,
  async start(stage) {
    const two = await startWorkers(2, stage);
    return {
      round: async () => {
        const run = stage.native(two, { mode: 'connect', clients: 64, ...load });
        try {
          await run.said('started');
          // The supervisor comes first.
          const workers = (await run.result()).cpuNs.slice(1);
          const mean = workers.reduce((sum, ns) => sum + ns, 0) / workers.length;
          return Math.max(...workers) / mean;
        } finally {
          await run.stop();
        }
      },
      stop: () => two.stop(),
    };
  },
};
