import type { Peer } from './peers/peer.ts';
import { direct, RunningProxy, type Target } from './running-proxy.ts';
import type { Stage } from './stage.ts';

/** One column of the results: a proxy that is measured, or none at all. */
export class Subject {
  readonly name: string;
  readonly version: string;
  readonly isPeer: boolean;
  readonly #proxy: Peer | undefined;
  #running: Target | undefined;
  #passesHalfClose = true;

  /** Without a proxy, the clients go straight to the backends. */
  constructor(proxy: Peer | undefined, version: string, isPeer: boolean) {
    this.name = proxy?.name ?? direct.name;
    this.version = version;
    this.isPeer = isPeer;
    this.#proxy = proxy;
  }

  /** As seen when it was started. */
  get passesHalfClose(): boolean {
    return this.#passesHalfClose;
  }

  /** Calls with the proxy of this subject that runs all the time, or with one that has just been started. */
  async use<T>(stage: Stage, isFresh: boolean, what: (target: Target) => Promise<T>): Promise<T> {
    if (this.#proxy === undefined) return what(direct);
    if (!isFresh) return what(await this.#target(stage, this.#proxy));
    const proxy = await startWarm(this.#proxy, stage);
    try {
      return await what(proxy);
    } finally {
      await proxy.stop();
    }
  }

  async stop(): Promise<void> {
    if (this.#running instanceof RunningProxy) await this.#running.stop();
  }

  async #target(stage: Stage, proxy: Peer): Promise<Target> {
    if (this.#running === undefined) {
      this.#running = await startWarm(proxy, stage);
      this.#passesHalfClose = await stage.passesHalfClose(this.#running);
    }
    return this.#running;
  }
}

async function startWarm(proxy: Peer, stage: Stage): Promise<RunningProxy> {
  const running = await RunningProxy.start(proxy, stage.job(), stage.placement);
  try {
    await stage.warm(running);
    return running;
  } catch (error) {
    await running.stop();
    throw error;
  }
}
