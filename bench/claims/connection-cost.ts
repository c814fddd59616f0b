import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { userBytes } from '../measure/memory.ts';
import type { RunningProxy, Target } from '../running-proxy.ts';
import type { NativeLoad, Stage } from '../stage.ts';
import { measureLoad } from '../workloads/load-figures.ts';
import type { Claim, RunningClaim } from './claim.ts';
import { startedSluice } from './started-sluice.ts';

const fewNames = 10;

/** Processor time for a new connection, in microseconds. */
export async function connectionCost(
  target: Target,
  stage: Stage,
  load: Pick<NativeLoad, 'names' | 'spin'> = {},
): Promise<number> {
  const run = stage.native(target, { mode: 'connect', clients: 64, ...load });
  const { cpuUs } = await measureLoad(run, target);
  if (cpuUs === undefined) throw new Error('no processor time was measured');
  return cpuUs;
}

export const accessLog: Claim = {
  name: 'access-log',
  title: 'CPU of a connection, access log to a file ÷ off',
  most: 1.15,
  async start(stage) {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
    const without = await startedSluice(stage);
    const logging = await startedSluice(stage, { accessLog: join(folder, 'access.log') });
    return {
      round: async () => (await connectionCost(logging, stage)) / (await connectionCost(without, stage)),
      stop: async () => {
        await Promise.all([without.stop(), logging.stop()]);
        rmSync(folder, { recursive: true });
      },
    };
  },
};

/** The names asked for are drawn from all that there are. */
export function manyNames(names: number): readonly Claim[] {
  const count = names.toLocaleString('en');
  return [
    {
      name: 'names-cpu',
      title: `CPU of a connection, ${count} names ÷ ${fewNames}`,
      most: 1.05,
      start: (stage) =>
        startBoth(stage, names, async (few, many) => {
          return (
            (await connectionCost(many, stage, { names })) /
            (await connectionCost(few, stage, { names: fewNames }))
          );
        }),
    },
    {
      name: 'names-memory',
      title: `user memory of the worker for each of ${count} names, bytes`,
      most: 300,
      start: (stage) =>
        startBoth(stage, names, async (few, many) => {
          const workerBytes = ({ pids }: Target) => userBytes(pids.slice(1));
          return (workerBytes(many) - workerBytes(few)) / (names - fewNames);
        }),
    },
  ];
}

async function startBoth(
  stage: Stage,
  names: number,
  round: (few: RunningProxy, many: RunningProxy) => Promise<number>,
): Promise<RunningClaim> {
  const few = await startedSluice(stage, {}, fewNames);
  const many = await startedSluice(stage, {}, names);
  return {
    round: () => round(few, many),
    stop: async () => {
      await Promise.all([few.stop(), many.stop()]);
    },
  };
}
