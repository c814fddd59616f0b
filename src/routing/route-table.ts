import { NameIndex } from './name-index.ts';
import type { RouteCriteria, RouteQuery } from './route-criteria.ts';
import { RouteGroup, RouteGroups } from './route-group.ts';

/** A route that asks about nothing but its name, alone with it; else the routes with it, to be told apart. */
type Entry<R extends RouteCriteria> = R | RouteGroup<R>;

/**
 * Finds the route of a connection: exact name, then the wildcard with the most labels, then `*`, then no server
 * names; among routes equal on the name see `Contenders`. An exact name costs one hash lookup, a wildcard one more
 * for each suffix length that some wildcard has; neither grows with the number of names.
 */
export class RouteTable<R extends RouteCriteria> {
  readonly routes: readonly R[];
  readonly #names: NameIndex;
  /** What the values of `#names` stand for. */
  readonly #entries: readonly Entry<R>[];
  readonly #nameless: RouteGroup<R>;
  /** By a count of labels: whether some any-depth wildcard has a suffix of so many, and a lookup is worth while. */
  readonly #suffixDepths: readonly boolean[];

  /** Patterns must be in normal form; throws a TypeError where a source is no address prefix. */
  constructor(routes: readonly R[]) {
    this.routes = routes;
    this.#names = new NameIndex(routes);
    const groups = new RouteGroups<R>();
    this.#entries = compileEntries(routes, groups, this.#names.shared);
    this.#nameless = groups.of(pick(routes, this.#names.nameless));
    this.#suffixDepths = suffixDepths(this.#names.anyDepth.keys());
  }

  find(query: RouteQuery): R | undefined {
    const name = query.plainTcp ? undefined : query.serverName;
    if (name !== undefined) {
      const exact = this.#names.exact.get(name);
      const route = exact === undefined ? undefined : this.#resolve(exact, query);
      if (route !== undefined) return route;
      const byWildcard = this.#findWildcard(name, query);
      if (byWildcard !== undefined) return byWildcard;
    }
    return this.#nameless.find(query);
  }

  #findWildcard(name: string, query: RouteQuery): R | undefined {
    const { oneLabel, anyDepth } = this.#names;
    let start = name.indexOf('.') + 1;
    if (oneLabel.size > 0 && start > 0) {
      const route = this.#resolve(oneLabel.get(name.slice(start)), query);
      if (route !== undefined) return route;
    }
    if (anyDepth.size === 0) return undefined;
    let depth = countLabels(name) - 1;
    for (; start > 0; start = name.indexOf('.', start) + 1) {
      if (this.#suffixDepths[depth--] !== true) continue;
      const route = this.#resolve(anyDepth.get(name.slice(start)), query);
      if (route !== undefined) return route;
    }
    return this.#resolve(anyDepth.get(''), query);
  }

  #resolve(value: number | undefined, query: RouteQuery): R | undefined {
    if (value === undefined) return undefined;
    const entry = this.#entries[value];
    return entry instanceof RouteGroup ? entry.find(query) : entry;
  }
}

function compileEntries<R extends RouteCriteria>(
  routes: readonly R[],
  groups: RouteGroups<R>,
  shared: readonly (readonly number[])[],
): Entry<R>[] {
  const alone = routes.map((route) => (asksOnlyName(route) ? route : groups.of([route])));
  return [...alone, ...shared.map((places) => groups.of(pick(routes, places)))];
}

function asksOnlyName(route: RouteCriteria): boolean {
  return route.listeners === undefined && route.sources === undefined && route.alpn === undefined;
}

function pick<R>(routes: readonly R[], places: readonly number[]): R[] {
  return places.flatMap((place) => routes[place] ?? []);
}

function suffixDepths(suffixes: Iterable<string>): boolean[] {
  const depths: boolean[] = [];
  for (const suffix of suffixes) depths[countLabels(suffix)] = true;
  return Array.from(depths, (isUsed) => isUsed === true);
}

function countLabels(name: string): number {
  let count = 1;
  for (let dot = name.indexOf('.'); dot !== -1; dot = name.indexOf('.', dot + 1)) count++;
  return count;
}
