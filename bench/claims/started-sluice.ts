import { RunningProxy } from '../running-proxy.ts';
import { type SluiceSettings, sluice } from '../sluice.ts';
import type { Stage } from '../stage.ts';

/** A native Sluice that is warm. `names`: how many it knows and is asked for. */
export async function startedSluice(
  stage: Stage,
  settings: SluiceSettings = {},
  names?: number,
): Promise<RunningProxy> {
  const peer = sluice('native', { main: stage.scale.main, ...settings });
  const proxy = await RunningProxy.start(peer, stage.job(stage.scale.workers, names), stage.placement);
  try {
    await stage.warm(proxy, names);
    return proxy;
  } catch (error) {
    await proxy.stop();
    throw error;
  }
}
