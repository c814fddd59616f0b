import { setTimeout as delay } from 'node:timers/promises';
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
function sluiceApart(stage: Stage, settings: SluiceSettings = {}, names?: number): Promise<RunningProxy> {
  return startedSluice(stage, settings, names, (pids) => pids.slice(0, 1));
}

interface ReachableSluice {
  readonly proxy: RunningProxy;
  readonly adminPort: number;
}

/**
 * One that forwards the round trips, and one that only shares the load's processors: whatever a supervisor takes from
 * the load, where there are processors too few to give it one, is the same for both.
 */
class SluicePair {
  readonly #forwarding: ReachableSluice;
  readonly #other: ReachableSluice;
  readonly #stage: Stage;

  private constructor(forwarding: ReachableSluice, other: ReachableSluice, stage: Stage) {
    this.#forwarding = forwarding;
    this.#other = other;
    this.#stage = stage;
  }

  static async start(stage: Stage, names?: number): Promise<SluicePair> {
    const adminPort = await freePort();
    const proxy = await sluiceApart(stage, { adminPort }, names);
    try {
      const otherPort = await freePort();
      const other = await startedSluice(stage, { adminPort: otherPort }, names, (pids) => pids);
      return new SluicePair({ proxy, adminPort }, { proxy: other, adminPort: otherPort }, stage);
    } catch (error) {
      await proxy.stop();
      throw error;
    }
  }

  /** The ratio of what the round trips take while it is done to the one and to the other. */
  against(
    seconds: number,
    disturb: (sluice: ReachableSluice, isOver: () => boolean) => Promise<unknown>,
  ): RunningClaim {
    const { proxy } = this.#forwarding;
    const p999Disturbing = (disturbed: ReachableSluice) =>
      p999(proxy, this.#stage, (isOver) => disturb(disturbed, isOver), seconds);
    return {
      round: async () => (await p999Disturbing(this.#forwarding)) / (await p999Disturbing(this.#other)),
      stop: async () => {
        await proxy.stop();
        await this.#other.proxy.stop();
      },
    };
  }
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
  return Math.max(1, stage.scale.seconds * 5);
}

/** Where the load leaves the supervisor a tenth of a processor, it reads so many routes for ten seconds. */
function reloadSeconds(stage: Stage): number {
  return stage.scale.seconds * 35;
}

export const scrape: Claim = {
  name: 'scrape',
  title: 'p99.9 of round trips, metrics scraped twice ÷ those of another Sluice scraped',
  most,
  async start(stage) {
    const pair = await SluicePair.start(stage);
    const seconds = secondsOf(stage);
    return pair.against(seconds, async ({ adminPort }) => {
      const scrapeOnce = async () => (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
      await delay(seconds * 400);
      await scrapeOnce();
      await delay(seconds * 300);
      await scrapeOnce();
    });
  },
};

export const reload: Claim = {
  name: 'reload',
  title: `p99.9 of round trips, a reload of ${routeCount.toLocaleString('en')} routes ÷ another Sluice reloaded`,
  most,
  async start(stage) {
    const pair = await SluicePair.start(stage, routeCount);
    const seconds = reloadSeconds(stage);
    let count = routeCount;
    return pair.against(seconds, async ({ proxy, adminPort }, isOver) => {
      await delay(seconds * 200);
      count--;
      proxy.configure(stage.job(stage.scale.workers, count));
      const { ok } = await fetch(`http://127.0.0.1:${adminPort}/reload`, { method: 'POST' });
      if (!ok) throw new Error('the reload was refused');
      if (isOver()) throw new Error('the reload took longer than the round trips beside it');
    });
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
