import type { UpstreamSnapshot } from '../config/snapshot.ts';
import type { PickRequest } from './balance/balancer.ts';
import { newBalancer } from './balance/new-balancer.ts';
import { applySlowStart } from './balance/slow-start.ts';
import { Tiers } from './balance/tiers.ts';
import { ConnectionShare } from './connection-share.ts';
import type { Endpoint, EndpointSettings, EndpointState } from './endpoint.ts';
import { EndpointSet } from './endpoint-set.ts';
import type { SharedCount } from './limits/shared-count.ts';
import { OutlierDetection } from './outlier-detection.ts';
import { type WorkerSlot, workerShare } from './worker-slot.ts';

/** The part of an upstream's snapshot that balancing depends on. */
export type UpstreamSettings = Pick<
  UpstreamSnapshot,
  'name' | 'balance' | 'maxConnections' | 'passiveHealth' | 'slowStartMs'
>;

/** How a connection to an endpoint came to its end, as far as it speaks for or against the endpoint. */
export interface EndpointUse {
  /** The endpoint's side ended or reset it without having sent a byte. */
  readonly diedBeforeFirstByte: boolean;
  /** The endpoint has sent something; false for a client that left before that. [unless it died, true] */
  readonly served?: boolean;
}

/**
 * A named set of endpoints as one worker sees it: chooses one for each connection and keeps account of them.
 * It lives as long as the name is configured; reloads, DNS and health change it in place, so that connections
 * begun before still find their endpoint when they end.
 */
export class Upstream {
  readonly name: string;
  readonly #worker: WorkerSlot;
  readonly #random: () => number;
  readonly #endpoints: EndpointSet;
  readonly #share: ConnectionShare;
  #sharedCount: SharedCount | undefined;
  #settings: UpstreamSettings;
  #tiers: Tiers;
  #outliers: OutlierDetection | undefined;
  /** Something that the tiers depend on has changed since they were built. */
  #stale = true;
  /** When slow start next changes a weight. */
  #nextStepMs = Number.POSITIVE_INFINITY;
  #ejectedElsewhere = 0;

  /** `random` gives numbers from 0 up to, not including, 1. */
  constructor(
    settings: UpstreamSettings,
    endpoints: readonly EndpointSettings[],
    random: () => number,
    worker: WorkerSlot = { index: 0, count: 1 },
  ) {
    this.name = settings.name;
    this.#settings = settings;
    this.#worker = worker;
    this.#random = random;
    this.#endpoints = new EndpointSet(endpoints);
    this.#share = new ConnectionShare(this.#maxConnections());
    this.#tiers = this.#newTiers();
    this.#watchOutliers(0);
  }

  /** Connections that hold a part of `maxConnections`. */
  get connections(): number {
    return this.#share.inUse;
  }

  /** Every endpoint there is to report on, the draining ones included, with its state at this time. */
  *endpoints(nowMs: number): Iterable<Endpoint> {
    this.endDueEjections(nowMs);
    yield* this.#endpoints.current();
    yield* this.#endpoints.draining();
  }

  /**
   * The endpoint to dial; undefined when there is none at all. `tried` are the ones this connection has dialled in
   * vain: another is chosen while there is one, then one of them again. `Tiers` says who comes first.
   */
  pick(request: PickRequest, tried: readonly Endpoint[]): Endpoint | undefined {
    const { nowMs } = request;
    this.endDueEjections(nowMs);
    if (this.#stale || nowMs >= this.#nextStepMs) this.#rebuild(nowMs);
    return this.#tiers.pick(request, tried);
  }

  /** Whether `pick` would choose another than these, as of its last choice. */
  hasUntried(tried: readonly Endpoint[]): boolean {
    return this.#tiers.hasUntried(tried);
  }

  /** A dial begins: from here on the connection counts as the endpoint's. */
  dialled(endpoint: Endpoint): void {
    endpoint.activeConnections += 1;
    this.#tiers.loadChanged(endpoint);
  }

  /** The dial failed. Returns whether that made this worker eject the endpoint. */
  dialFailed(endpoint: Endpoint, nowMs: number): boolean {
    this.#letGo(endpoint);
    return this.#failed(endpoint, nowMs);
  }

  /** An established connection has ended. Returns whether that made this worker eject the endpoint. */
  ended(endpoint: Endpoint, use: EndpointUse, nowMs: number): boolean {
    this.#letGo(endpoint);
    if (use.diedBeforeFirstByte) return this.#failed(endpoint, nowMs);
    if (use.served ?? true) this.#outliers?.success(endpoint.key);
    return false;
  }

  /** Takes one of `maxConnections`, to be held over all dials of a connection; false when they are used up. */
  tryAcquire(): boolean {
    return this.#share.tryAcquire();
  }

  /** Once for each successful `tryAcquire`, when the connection has ended. */
  release(): void {
    this.#share.release();
  }

  /**
   * Has `maxConnections` counted together with the other workers from here on; without a count that they share, this
   * worker keeps to its equal part.
   */
  countIn(shared: SharedCount | undefined): void {
    this.#sharedCount = shared;
    this.#share.configure(this.#maxConnections(), shared);
  }

  /** Takes over a reloaded configuration. Live connections go on; the endpoints come with `update`. */
  configure(settings: UpstreamSettings, nowMs: number): void {
    const before = this.#settings;
    this.#settings = settings;
    this.#share.configure(this.#maxConnections(), this.#sharedCount);
    if (settings.balance !== before.balance) this.#tiers = this.#newTiers();
    this.#watchOutliers(nowMs);
    this.#stale = true;
  }

  /** Makes these the endpoints there are: see `EndpointSet.replace`. */
  update(endpoints: readonly EndpointSettings[], nowMs: number): void {
    this.#endpoints.replace(endpoints, nowMs);
    this.#watchOutliers(nowMs);
    this.#stale = true;
  }

  /** Takes over what the supervisor found out about one endpoint; unknown keys are left alone. */
  setState(key: string, state: EndpointState, why: string, nowMs: number): void {
    const endpoint = this.#endpoints.get(key);
    if (endpoint === undefined) return;
    endpoint.tell(state, why, nowMs);
    this.#stale = true;
  }

  #letGo(endpoint: Endpoint): void {
    if (endpoint.activeConnections === 0) throw new Error(`${endpoint.key} has no connection to end`);
    endpoint.activeConnections -= 1;
    this.#tiers.loadChanged(endpoint);
    this.#endpoints.forgetIfDrained(endpoint);
  }

  #failed(endpoint: Endpoint, nowMs: number): boolean {
    const why = this.#outliers?.failure(endpoint.key, nowMs, this.#ejectedElsewhere);
    if (why === undefined) return false;
    endpoint.eject(why);
    this.#stale = true;
    return true;
  }

  /** Takes back what has been ejected for long enough; `pick` does it too. */
  endDueEjections(nowMs: number): void {
    if (this.#outliers === undefined || nowMs < this.#outliers.nextDueMs) return;
    for (const key of this.#outliers.due(nowMs)) this.#endpoints.get(key)?.endEjection(nowMs);
    this.#stale = true;
  }

  #rebuild(nowMs: number): void {
    this.#stale = false;
    this.#nextStepMs = Number.POSITIVE_INFINITY;
    this.#ejectedElsewhere = 0;
    for (const endpoint of this.#endpoints.current()) {
      const nextStepMs = applySlowStart(endpoint, this.#settings.slowStartMs, nowMs);
      this.#nextStepMs = Math.min(this.#nextStepMs, nextStepMs);
      if (endpoint.ejectedElsewhere) this.#ejectedElsewhere += 1;
    }
    this.#tiers.rebuild(this.#endpoints.current());
  }

  /** Keeps the outlier detection in step with the settings and with the endpoints that can be chosen. */
  #watchOutliers(nowMs: number): void {
    const settings = this.#settings.passiveHealth;
    const endpoints = [...this.#endpoints.current()];
    if (settings === undefined) {
      this.#outliers = undefined;
    } else {
      this.#outliers ??= new OutlierDetection(settings);
      this.#outliers.configure(settings);
      this.#outliers.setEndpoints(endpoints.filter(({ weight }) => weight > 0).map(({ key }) => key));
    }
    for (const endpoint of endpoints)
      if (!this.#outliers?.isEjected(endpoint.key)) endpoint.endEjection(nowMs);
  }

  #newTiers(): Tiers {
    return new Tiers(() => newBalancer(this.#settings.balance, this.#worker, this.#random));
  }

  #maxConnections(): number {
    const { maxConnections = Number.POSITIVE_INFINITY } = this.#settings;
    const isDivided = this.#sharedCount === undefined && Number.isFinite(maxConnections);
    return isDivided ? workerShare(maxConnections, this.#worker) : maxConnections;
  }
}
