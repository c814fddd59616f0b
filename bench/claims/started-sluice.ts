import { move } from '../machine.ts';
import { RunningProxy } from '../running-proxy.ts';
import { type SluiceSettings, sluice } from '../sluice.ts';
import type { Stage } from '../stage.ts';

/**
 * A native Sluice that is warm. `names`: how many it knows and is asked for. `besideLoad`: those of its processes, the
 * supervisor first, that share the load's processors, where the load has some of its own.
 */
export async function startedSluice(
  stage: Stage,
  settings: SluiceSettings = {},
  names?: number,
  besideLoad: (pids: readonly number[]) => readonly number[] = () => [],
): Promise<RunningProxy> {
  const peer = sluice('native', { main: stage.scale.main, ...settings });
  const proxy = await RunningProxy.start(peer, stage.job(stage.scale.workers, names), stage.placement);
  const { load } = stage.placement;
  try {
    await stage.warm(proxy, names);
    if (load !== undefined) for (const pid of besideLoad(proxy.pids)) move(pid, load);
    return proxy;
  } catch (error) {
    await proxy.stop();
    throw error;
  }
}
