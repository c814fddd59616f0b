import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';

import type { EndpointSnapshot, UpstreamSnapshot } from '../config/snapshot.ts';
import { type DiscoveryEvent, EndpointDiscovery } from '../upstream/dns/endpoint-discovery.ts';
import type { NameResolver } from '../upstream/dns/name-resolver.ts';
import { type EndpointSettings, type EndpointState, endpointKey } from '../upstream/endpoint.ts';
import { type HealthChange, HealthProber } from '../upstream/health/health-prober.ts';
import type { ProbeReport, ProbeTarget } from '../upstream/health/probe-schedule.ts';
import type { ToWorker } from '../worker/messages.ts';
import { Ejections } from './ejections.ts';

export type UpstreamMessage = ToWorker & { readonly kind: 'endpoints' | 'endpoint-state' };

/** One endpoint of an upstream as the whole proxy sees it. */
export interface EndpointReport {
  readonly key: string;
  readonly settings: EndpointSettings;
  readonly state: EndpointState;
  readonly why: string;
  readonly probe: ProbeReport | undefined;
}

interface Watched {
  readonly settings: UpstreamSnapshot;
  readonly sources: readonly EndpointDiscovery[];
}

export type WatchedUpstreams = ReadonlyMap<string, Watched>;

/** Takes out of `sources` the one that does what is asked for. */
function takeSame(sources: EndpointDiscovery[], wanted: EndpointSnapshot): EndpointDiscovery | undefined {
  const place = sources.findIndex(({ source }) => isDeepStrictEqual(source, wanted));
  return place < 0 ? undefined : sources.splice(place, 1)[0];
}

function sourcesOf(upstreams: WatchedUpstreams): EndpointDiscovery[] {
  return [...upstreams.values()].flatMap(({ sources }) => sources);
}

function closeExcept(upstreams: WatchedUpstreams, others: WatchedUpstreams): void {
  const kept = new Set(sourcesOf(others));
  for (const source of sourcesOf(upstreams)) if (!kept.has(source)) source.close();
}

/** Looking up has brought an answer or a failure. */
function isSettled({ state, problem }: EndpointDiscovery): boolean {
  return state === 'resolved' || problem !== undefined;
}

/**
 * What is found out about upstreams once, for all workers: their endpoints by DNS, their health by probes, and which
 * of them a worker has ejected for failing real connections. Each change is logged once and told at once.
 */
export class UpstreamWatch {
  readonly #names: NameResolver;
  readonly #tell: (message: UpstreamMessage) => void;
  readonly #log: Logger;
  #upstreams: WatchedUpstreams = new Map();
  readonly #prober: HealthProber;
  readonly #ejections = new Ejections();
  #onProgress = () => {};

  constructor(
    upstreams: readonly UpstreamSnapshot[],
    names: NameResolver,
    tell: (message: UpstreamMessage) => void,
    log: Logger,
  ) {
    this.#names = names;
    this.#tell = tell;
    this.#log = log;
    this.#prober = new HealthProber((change) => this.#onHealth(change));
    this.configure(this.prepare(upstreams));
  }

  /**
   * Begins to look up what these upstreams need beyond what is looked up now. Nothing is told of it and nothing else
   * changes before `configure`; `discard` is for what will not come to that.
   */
  prepare(upstreams: readonly UpstreamSnapshot[]): WatchedUpstreams {
    return new Map(
      upstreams.map((settings) => {
        const { name } = settings;
        const before = [...(this.#upstreams.get(name)?.sources ?? [])];
        const sources = settings.endpoints.map(
          (source) => takeSame(before, source) ?? this.#watch(name, source),
        );
        return [name, { settings, sources }];
      }),
    );
  }

  /** Makes these the upstreams there are. Sources and probes that stay go on as they were. */
  configure(next: WatchedUpstreams): void {
    const before = this.#upstreams;
    this.#upstreams = next;
    closeExcept(before, next);
    this.#probe();
  }

  discard(prepared: WatchedUpstreams): void {
    closeExcept(prepared, this.#upstreams);
  }

  /** Resolves when every source has been looked up once, or after `mostMs`. */
  async settled(mostMs: number, upstreams: WatchedUpstreams = this.#upstreams): Promise<void> {
    const lookups = sourcesOf(upstreams);
    if (lookups.every(isSettled)) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, mostMs);
      this.#onProgress = () => {
        if (!lookups.every(isSettled)) return;
        clearTimeout(timer);
        resolve();
      };
    });
    this.#onProgress = () => {};
  }

  /** All that a worker that starts now has to know beyond its snapshot. */
  messages(): UpstreamMessage[] {
    return [...this.#upstreams.keys()].map((upstream) => this.#endpointsMessage(upstream));
  }

  /** An upstream's endpoints; empty for a name that is none. */
  report(upstream: string): EndpointReport[] {
    const watched = this.#upstreams.get(upstream);
    if (!watched) return [];
    return watched.sources
      .flatMap(({ endpoints }) => endpoints)
      .map((settings) => {
        const { activeHealth } = watched.settings;
        const { key } = settings;
        const probe = activeHealth && this.#prober.report({ endpoint: settings, settings: activeHealth });
        const ejectedWhy = this.#ejections.why(upstream, key);
        if (probe?.state === 'down') return { key, settings, state: 'down', why: probe.why, probe };
        if (ejectedWhy !== undefined) return { key, settings, state: 'ejected', why: ejectedWhy, probe };
        return { key, settings, state: 'up', why: '', probe };
      });
  }

  /** The upstream's sources that have given no endpoint, by the names that are looked up. */
  unresolved(upstream: string): { readonly name: string; readonly weight: number; readonly why: string }[] {
    const sources = this.#upstreams.get(upstream)?.sources ?? [];
    return sources
      .filter(({ state }) => state === 'resolving')
      .map(({ name, source, problem }) => ({
        name,
        weight: source.weight,
        why: problem?.why ?? 'not looked up yet',
      }));
  }

  /** A worker has ejected an endpoint, or (`why` undefined) has taken it back. */
  onEjection(worker: number, upstream: string, endpoint: string, why: string | undefined): void {
    if (this.#ejections.note(worker, upstream, endpoint, why)) this.#tellState(upstream, endpoint);
  }

  /** What a worker that has gone had ejected is for the others to judge. */
  onWorkerGone(worker: number): void {
    for (const { upstream, endpoint } of this.#ejections.forget(worker)) this.#tellState(upstream, endpoint);
  }

  /** Stops all lookups and probes: nothing more is told. */
  close(): void {
    this.#names.close();
    this.#prober.close();
    for (const source of sourcesOf(this.#upstreams)) source.close();
  }

  #watch(upstream: string, source: EndpointSnapshot): EndpointDiscovery {
    const discovery = new EndpointDiscovery(source, this.#names, (event) => {
      this.#onProgress();
      const isConfigured = this.#upstreams.get(upstream)?.sources.includes(discovery);
      if (isConfigured === true) this.#onDiscovery(upstream, source.kind, event);
    });
    return discovery;
  }

  #onDiscovery(upstream: string, kind: string, event: DiscoveryEvent): void {
    switch (event.kind) {
      case 'changed': {
        const endpoints = event.endpoints.map(({ key }) => key);
        this.#log.info({ upstream, source: kind, endpoints }, 'endpoints changed');
        this.#probe();
        this.#tell(this.#endpointsMessage(upstream));
        break;
      }
      case 'failing':
        this.#log.warn({ upstream, ...event.problem, kept: event.kept }, 'looking up endpoints fails');
        break;
      case 'recovered':
        this.#log.info({ upstream }, 'looking up endpoints works again');
        break;
    }
  }

  /** One probe serves every upstream that asks for the same. */
  #onHealth({ target }: HealthChange): void {
    const key = endpointKey(target.endpoint);
    for (const [upstream, watched] of this.#upstreams) {
      const isMeant =
        watched.settings.activeHealth !== undefined &&
        this.report(upstream).some((endpoint) => endpoint.key === key);
      if (isMeant) this.#tellState(upstream, key);
    }
  }

  #tellState(upstream: string, key: string): void {
    const found = this.report(upstream).find((endpoint) => endpoint.key === key);
    if (!found) return;
    const { state, why } = found;
    this.#log[state === 'up' ? 'info' : 'warn']({ upstream, endpoint: key, state, why }, 'endpoint state');
    this.#tell({ kind: 'endpoint-state', upstream, endpoint: key, state, why });
  }

  #endpointsMessage(upstream: string): UpstreamMessage {
    const endpoints = this.report(upstream).map(({ settings, state, why }) => ({ ...settings, state, why }));
    return { kind: 'endpoints', upstream, endpoints };
  }

  #probe(): void {
    const targets: ProbeTarget[] = [];
    for (const { settings, sources } of this.#upstreams.values()) {
      const { activeHealth } = settings;
      if (activeHealth === undefined) continue;
      for (const endpoint of sources.flatMap(({ endpoints }) => endpoints)) {
        targets.push({ endpoint, settings: activeHealth });
      }
    }
    this.#prober.setTargets(targets);
  }
}
