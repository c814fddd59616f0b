import { setTimeout as delay } from 'node:timers/promises';
import { move } from '../machine.ts';
import { freePort } from '../ports.ts';
import { direct, type RunningProxy, type Target } from '../running-proxy.ts';
import type { SluiceSettings } from '../sluice.ts';
import type { NativeLoad, Stage } from '../stage.ts';
import { measureLoad } from '../workloads/load-figures.ts';
import type { Claim, RunningClaim } from './claim.ts';
import { startedSluice } from './started-sluice.ts';

const most = 1.2;
const routeCount = 100_000;
const connectionsPerSecond = 1_000;

/**
 * A Sluice whose workers have their processors to themselves, where there are others: its supervisor shares those of the
 * load, and the load comes first there. So it is seen what a worker does to its round trips, and not what anybody does
 * who takes the processor from it.
 */
async function sluiceApart(
  stage: Stage,
  settings: SluiceSettings = {},
  names?: number,
): Promise<RunningProxy> {
  const proxy = await startedSluice(stage, settings, names);
  const [supervisor] = proxy.pids;
  if (stage.placement.load !== undefined && supervisor !== undefined) move(supervisor, stage.placement.load);
  return proxy;
}

/** How a load must run for it: without spinning, or nobody else would run at all. */
function ahead({ placement }: Stage): Pick<NativeLoad, 'isAhead' | 'spin'> {
  return { isAhead: placement.load !== undefined, spin: 'no' };
}

/** What goes on beside the round trips; it may ask whether they are over. */
type Disturbance = (isOver: () => boolean) => Promise<unknown>;

/** The 99.9th percentile of 1 KiB round trips over 64 connections while something else goes on. */
async function p999(
  target: Target,
  stage: Stage,
  meanwhile: Disturbance,
  seconds = secondsOf(stage),
): Promise<number> {
  const load = { mode: 'echo', size: 1024, clients: 64, ...ahead(stage) } as const;
  const run = stage.native(target, load, seconds);
  let isOver = false;
  const measured = measureLoad(run, target).finally(() => {
    isOver = true;
  });
  const [{ p999Us }] = await Promise.all([measured, meanwhile(() => isOver)]);
  if (p999Us === undefined) throw new Error('no latency was measured');
  return p999Us;
}

/** A percentile that far out needs more of them, and what goes on beside them has to begin and end meanwhile. */
function secondsOf(stage: Stage): number {
  return Math.max(1, stage.scale.seconds * 2);
}

/** Reading so many routes takes the supervisor seconds where it shares a processor. */
function reloadSeconds(stage: Stage): number {
  return stage.scale.seconds * 10;
}

const nothing = async () => {};

export const scrape: Claim = {
  name: 'scrape',
  title: 'p99.9 of round trips, metrics scraped twice ÷ not',
  most,
  async start(stage) {
    const adminPort = await freePort();
    const proxy = await sluiceApart(stage, { adminPort });
    const scrapeOnce = async () => (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
    const scrapes = async () => {
      await delay(secondsOf(stage) * 400);
      await scrapeOnce();
      await delay(secondsOf(stage) * 300);
      await scrapeOnce();
    };
    return against(proxy, stage, scrapes);
  },
};

export const reload: Claim = {
  name: 'reload',
  title: `p99.9 of round trips, a reload of ${routeCount.toLocaleString('en')} routes ÷ none`,
  most,
  async start(stage) {
    const adminPort = await freePort();
    const proxy = await sluiceApart(stage, { adminPort }, routeCount);
    let count = routeCount;
    const reloads: Disturbance = async (isOver) => {
      await delay(reloadSeconds(stage) * 300);
      count--;
      proxy.configure(stage.job(stage.scale.workers, count));
      const { ok } = await fetch(`http://127.0.0.1:${adminPort}/reload`, { method: 'POST' });
      if (!ok) throw new Error('the reload was refused');
      if (isOver()) throw new Error('the reload took longer than the round trips beside it');
    };
    return against(proxy, stage, reloads, reloadSeconds(stage));
  },
};

/** Both times the connections are made; once they go past the proxy. They end before the round trips do. */
export const newConnections: Claim = {
  name: 'connections',
  title: `p99.9 of round trips, ${connectionsPerSecond.toLocaleString('en')} new connections a second through the proxy ÷ past it`,
  most,
  async start(stage) {
    const proxy = await sluiceApart(stage);
    const serverPort = await freePort();
    const connections = async (target: Target) => {
      const load = { mode: 'connect', clients: 1, rate: connectionsPerSecond, ...ahead(stage) } as const;
      await measureLoad(stage.native(target, load, secondsOf(stage) * 0.9, serverPort), target);
    };
    return {
      round: async () => {
        const disturbed = await p999(proxy, stage, () => connections(proxy));
        return disturbed / (await p999(proxy, stage, () => connections(direct)));
      },
      stop: () => proxy.stop(),
    };
  },
};

function against(proxy: RunningProxy, stage: Stage, disturb: Disturbance, seconds?: number): RunningClaim {
  return {
    round: async () =>
      (await p999(proxy, stage, disturb, seconds)) / (await p999(proxy, stage, nothing, seconds)),
    stop: () => proxy.stop(),
  };
}
