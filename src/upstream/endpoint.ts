import type { DialAddress } from '../data-plane/data-plane.ts';

/**
 * `down`: probes fail. `ejected`: real traffic fails. `resolving`: its name has no address yet. `draining`: no
 * longer configured (or no longer in DNS), kept while connections live.
 */
export type EndpointState = 'up' | 'down' | 'ejected' | 'resolving' | 'draining';

/** One endpoint as the configuration or the resolver gives it: plain data that crosses a process boundary. */
export interface EndpointSettings extends DialAddress {
  /** 0 to 65535; 0 gets no new connections. */
  readonly weight: number;
  /** As in SRV records: a lower one is used first. [0] */
  readonly priority?: number;
  /** What the supervisor knows of it. [as it was; `up` for a new one] */
  readonly state?: EndpointState;
  readonly why?: string;
}

/** What a worker knows of one address of an upstream. `Upstream` alone changes it. */
export class Endpoint implements DialAddress {
  /** `10.0.0.11:8443`, `[::1]:8443`: its identity over reloads, and its label in metrics and logs. */
  readonly key: string;
  readonly address: string;
  readonly port: number;
  readonly family: 4 | 6;
  weight: number;
  priority: number;
  /** The weight as slow start leaves it for now; `weight` otherwise. */
  effectiveWeight: number;
  /** This worker's own, those being dialled included. */
  activeConnections = 0;
  /** When it came back into service, while slow start may still hold it back. */
  returnedAtMs: number | undefined;
  #told: EndpointState = 'up';
  #toldWhy = '';
  #ejectedWhy: string | undefined;

  constructor(settings: EndpointSettings) {
    this.key = endpointKey(settings);
    this.address = settings.address;
    this.port = settings.port;
    this.family = settings.family;
    this.weight = settings.weight;
    this.effectiveWeight = settings.weight;
    this.priority = settings.priority ?? 0;
    this.#told = settings.state ?? 'up';
    this.#toldWhy = settings.why ?? '';
  }

  /** What the supervisor says, except that what it holds to be up may be ejected here. */
  get state(): EndpointState {
    return this.#told === 'up' && this.#ejectedWhy !== undefined ? 'ejected' : this.#told;
  }

  /** What led to the state; empty for a plain `up`. */
  get why(): string {
    return this.#told === 'up' && this.#ejectedWhy !== undefined ? this.#ejectedWhy : this.#toldWhy;
  }

  /** Why this worker itself has ejected it for now. */
  get ejectedWhy(): string | undefined {
    return this.#ejectedWhy;
  }

  /** Connections for the weight that it has for now. */
  get load(): number {
    return this.activeConnections / this.effectiveWeight;
  }

  /** Whether the supervisor has ejected it, and not this worker. */
  get ejectedElsewhere(): boolean {
    return this.#told === 'ejected' && this.#ejectedWhy === undefined;
  }

  /** Takes over new settings of the same address. */
  configure(settings: EndpointSettings, nowMs: number): void {
    this.weight = settings.weight;
    this.effectiveWeight = settings.weight;
    this.priority = settings.priority ?? 0;
    if (settings.state !== undefined) this.tell(settings.state, settings.why ?? '', nowMs);
  }

  /** Takes over the supervisor's word. */
  tell(state: EndpointState, why: string, nowMs: number): void {
    const before = this.state;
    this.#told = state;
    this.#toldWhy = why;
    this.#noticeReturn(before, nowMs);
  }

  /** Takes it out of service in this worker, until `endEjection`. */
  eject(why: string): void {
    this.#ejectedWhy = why;
  }

  endEjection(nowMs: number): void {
    const before = this.state;
    this.#ejectedWhy = undefined;
    this.#noticeReturn(before, nowMs);
  }

  #noticeReturn(before: EndpointState, nowMs: number): void {
    if (before !== 'up' && this.state === 'up') this.returnedAtMs = nowMs;
  }
}

/** How an address is written as an endpoint: IPv6 in brackets. */
export function endpointKey(address: DialAddress): string {
  return address.family === 6 ? `[${address.address}]:${address.port}` : `${address.address}:${address.port}`;
}
