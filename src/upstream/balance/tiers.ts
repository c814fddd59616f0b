import type { Endpoint, EndpointState } from '../endpoint.ts';
import type { Balancer, PickRequest } from './balancer.ts';

/** Better states first. An endpoint in a state that is not listed is never dialled. */
const states: readonly EndpointState[] = ['up', 'ejected', 'down'];

/** More than any priority: SRV's are 16 bits. */
const priorities = 2 ** 16;

const none: readonly Endpoint[] = [];

/**
 * An upstream's endpoints in the order they deserve to be tried: a tier holds the equals among which a balancer
 * chooses. While any endpoint is up, the tiers are the priorities of those that are. When none is, refusing every
 * connection would help nobody, so the ejected ones are tried, then those whose probes fail.
 */
export class Tiers {
  readonly #newBalancer: () => Balancer;
  /** By rank. Kept over rebuilds, because a balancer knows whose turn it is. */
  #balancers = new Map<number, Balancer>();
  /** The same, best first. */
  #ordered: readonly Balancer[] = [];
  #candidates: readonly Endpoint[] = none;

  constructor(newBalancer: () => Balancer) {
    this.#newBalancer = newBalancer;
  }

  rebuild(endpoints: Iterable<Endpoint>): void {
    const tiers = tiersOf(endpoints);
    const balancers = new Map<number, Balancer>();
    for (const rank of [...tiers.keys()].sort((one, other) => one - other)) {
      const balancer = this.#balancers.get(rank) ?? this.#newBalancer();
      balancer.reset(tiers.get(rank) ?? none);
      balancers.set(rank, balancer);
    }
    this.#balancers = balancers;
    this.#ordered = [...balancers.values()];
    this.#candidates = [...tiers.values()].flat();
  }

  /** One not yet tried, from the best tier that has any; when all are tried, one of the best tier again. */
  pick(request: PickRequest, tried: readonly Endpoint[]): Endpoint | undefined {
    for (const balancer of this.#ordered) {
      const endpoint = balancer.pick(request, tried);
      if (endpoint !== undefined) return endpoint;
    }
    return this.#ordered[0]?.pick(request, none);
  }

  hasUntried(tried: readonly Endpoint[]): boolean {
    return this.#candidates.some((endpoint) => !tried.includes(endpoint));
  }

  loadChanged(endpoint: Endpoint): void {
    for (const balancer of this.#ordered) balancer.loadChanged?.(endpoint);
  }
}

function tiersOf(endpoints: Iterable<Endpoint>): Map<number, Endpoint[]> {
  const tiers = new Map<number, Endpoint[]>();
  for (const endpoint of endpoints) {
    const state = states.indexOf(endpoint.state);
    if (state === -1 || endpoint.weight === 0) continue;
    const rank = state * priorities + endpoint.priority;
    const tier = tiers.get(rank);
    if (tier === undefined) tiers.set(rank, [endpoint]);
    else tier.push(endpoint);
  }
  const anyUp = [...tiers.keys()].some((rank) => rank < priorities);
  if (anyUp) for (const rank of tiers.keys()) if (rank >= priorities) tiers.delete(rank);
  return tiers;
}
