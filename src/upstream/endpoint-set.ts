import { Endpoint, type EndpointSettings, endpointKey } from './endpoint.ts';

/** An upstream's endpoints by key: those that are configured, and the draining ones that still have connections. */
export class EndpointSet {
  #current = new Map<string, Endpoint>();
  readonly #draining = new Map<string, Endpoint>();

  constructor(settings: readonly EndpointSettings[]) {
    for (const [key, each] of mergeByKey(settings)) this.#current.set(key, new Endpoint(each));
  }

  get(key: string): Endpoint | undefined {
    return this.#current.get(key);
  }

  /** In the order they were given in. */
  current(): Iterable<Endpoint> {
    return this.#current.values();
  }

  draining(): Iterable<Endpoint> {
    return this.#draining.values();
  }

  /**
   * Makes `settings` the endpoints there are. One that stays keeps its object, its connections and, where none is
   * given, its state. One that is gone drains. One that is new, or was draining, comes into service at `nowMs`.
   */
  replace(settings: readonly EndpointSettings[], nowMs: number): void {
    const before = this.#current;
    this.#current = new Map();
    for (const [key, each] of mergeByKey(settings)) {
      const endpoint = before.get(key) ?? this.#newcomer(key, each, nowMs);
      endpoint.configure(each, nowMs);
      this.#current.set(key, endpoint);
      before.delete(key);
    }
    for (const [key, endpoint] of before) {
      endpoint.tell('draining', 'no longer configured', nowMs);
      if (endpoint.activeConnections > 0) this.#draining.set(key, endpoint);
    }
  }

  /** To be called when a connection has ended: a draining endpoint without any is forgotten. */
  forgetIfDrained(endpoint: Endpoint): void {
    if (endpoint.activeConnections === 0 && this.#draining.get(endpoint.key) === endpoint) {
      this.#draining.delete(endpoint.key);
    }
  }

  #newcomer(key: string, settings: EndpointSettings, nowMs: number): Endpoint {
    const drained = this.#draining.get(key);
    this.#draining.delete(key);
    drained?.tell('up', '', nowMs);
    const endpoint = drained ?? new Endpoint(settings);
    endpoint.returnedAtMs = nowMs;
    return endpoint;
  }
}

/**
 * One entry for each address. Where several names resolve to the same one, its best priority counts, and the weights
 * it has there add up.
 */
function mergeByKey(settings: readonly EndpointSettings[]): Map<string, EndpointSettings> {
  const merged = new Map<string, EndpointSettings>();
  for (const each of settings) {
    const key = endpointKey(each);
    const other = merged.get(key);
    const difference = (each.priority ?? 0) - (other?.priority ?? 0);
    if (other === undefined || difference < 0) merged.set(key, each);
    else if (difference === 0) merged.set(key, { ...other, weight: other.weight + each.weight });
  }
  return merged;
}
