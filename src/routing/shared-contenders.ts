import { Contenders } from './contenders.ts';
import type { RouteCriteria } from './route-criteria.ts';

/**
 * Makes contenders once for all lists of routes that have the same criteria, route by route: a million routes for one
 * listener, or a block list in front of thousands of names, are told apart by one and the same.
 */
export class SharedContenders {
  readonly #byCriteria = new Map<string, Contenders>();
  /** A small number for each combination of criteria other than the name. */
  readonly #numbers = new Map<string, number>();
  readonly #numberOf = new Map<RouteCriteria, number>();

  for(routes: readonly RouteCriteria[]): Contenders {
    const key = routes.map((route) => this.#number(route)).join();
    const contenders = this.#byCriteria.get(key) ?? new Contenders(routes);
    this.#byCriteria.set(key, contenders);
    return contenders;
  }

  #number(route: RouteCriteria): number {
    const known = this.#numberOf.get(route);
    if (known !== undefined) return known;
    const criteria = JSON.stringify([route.listeners, route.sources, route.alpn]);
    const number = this.#numbers.get(criteria) ?? this.#numbers.size;
    this.#numbers.set(criteria, number);
    this.#numberOf.set(route, number);
    return number;
  }
}
