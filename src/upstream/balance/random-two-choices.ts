import type { Endpoint } from '../endpoint.ts';
import { AliasTable } from './alias-table.ts';
import type { Balancer, PickRequest } from './balancer.ts';

/** So many draws before it is no longer left to chance: enough that it hardly ever comes to that. */
const maxDraws = 8;

/**
 * Draws two endpoints by weight and takes the one with fewer connections for its weight. Nearly as level as least
 * connections, in O(1); and as workers draw differently, they don't all turn to the same endpoint at once.
 */
export class RandomTwoChoices implements Balancer {
  readonly #random: () => number;
  #candidates: readonly Endpoint[] = [];
  #table = new AliasTable([]);

  constructor(random: () => number) {
    this.#random = random;
  }

  reset(candidates: readonly Endpoint[]): void {
    this.#candidates = candidates;
    this.#table = new AliasTable(candidates.map(({ effectiveWeight }) => effectiveWeight));
  }

  pick(_request: PickRequest, tried: readonly Endpoint[]): Endpoint | undefined {
    let first: Endpoint | undefined;
    for (let draw = 0; draw < maxDraws; draw += 1) {
      const drawn = this.#candidates[this.#table.draw(this.#random)];
      if (drawn === undefined || drawn === first || tried.includes(drawn)) continue;
      if (first !== undefined) return drawn.load < first.load ? drawn : first;
      first = drawn;
    }
    return first ?? this.#leastLoaded(tried);
  }

  #leastLoaded(tried: readonly Endpoint[]): Endpoint | undefined {
    let least: Endpoint | undefined;
    for (const endpoint of this.#candidates) {
      if (tried.includes(endpoint)) continue;
      if (least === undefined || endpoint.load < least.load) least = endpoint;
    }
    return least;
  }
}
