import { Contenders } from './contenders.ts';
import type { RouteCriteria, RouteQuery } from './route-criteria.ts';

/** The routes with one name. */
export class RouteGroup<R extends RouteCriteria> {
  readonly #routes: readonly R[];
  readonly #contenders: Contenders;

  constructor(routes: readonly R[], contenders: Contenders) {
    this.#routes = routes;
    this.#contenders = contenders;
  }

  find(query: RouteQuery): R | undefined {
    const place = this.#contenders.find(query);
    return place === undefined ? undefined : this.#routes[place];
  }
}

/**
 * Makes groups that share their contenders where the criteria are the same, route by route: a million routes for one
 * listener, or a block list in front of thousands of names, are told apart by one and the same.
 */
export class RouteGroups<R extends RouteCriteria> {
  /** By the criteria other than the name, a small number. */
  readonly #criteria = new Map<string, number>();
  readonly #criteriaOf = new Map<R, number>();
  readonly #contenders = new Map<string, Contenders>();

  of(routes: readonly R[]): RouteGroup<R> {
    const key = routes.map((route) => this.#numberOf(route)).join();
    const contenders = this.#contenders.get(key) ?? new Contenders(routes);
    this.#contenders.set(key, contenders);
    return new RouteGroup(routes, contenders);
  }

  #numberOf(route: R): number {
    const known = this.#criteriaOf.get(route);
    if (known !== undefined) return known;
    const key = JSON.stringify([route.listeners, route.sources, route.alpn]);
    const number = this.#criteria.get(key) ?? this.#criteria.size;
    this.#criteria.set(key, number);
    this.#criteriaOf.set(route, number);
    return number;
  }
}
