import { Contenders } from './contenders.ts';
import { NameIndex } from './name-index.ts';
import type { RouteCriteria, RouteQuery } from './route-criteria.ts';
import { SharedContenders } from './shared-contenders.ts';

/**
 * What a name leads to: a route that asks about nothing else; or what a route alone with the name asks about besides;
 * or several routes. Made so that a name costs no object of its own until routes share it.
 */
type Entry<R extends RouteCriteria> = R | Contenders | RouteGroup<R>;

/**
 * Finds the route of a connection: exact name, then the wildcard with the most labels, then `*`, then no server
 * names; among routes equal on the name see `Contenders`. An exact name costs one hash lookup, a wildcard one more
 * for each suffix length that some wildcard has; neither grows with the number of names.
 */
export class RouteTable<R extends RouteCriteria> {
  readonly routes: readonly R[];
  readonly #names: NameIndex;
  /** What the values of `#names` stand for: by place the routes, then the groups. */
  readonly #entries: readonly Entry<R>[];
  readonly #nameless: RouteGroup<R>;
  /** By a count of labels: whether some any-depth wildcard has a suffix of so many, and a lookup is worth while. */
  readonly #suffixDepths: readonly boolean[];

  /** Patterns must be in normal form; throws a TypeError where a source is no address prefix. */
  constructor(routes: readonly R[]) {
    const contenders = new SharedContenders();
    const group = (places: readonly number[]) => {
      const members = places.flatMap((place) => routes[place] ?? []);
      return new RouteGroup(members, contenders.for(members));
    };
    const alone = routes.map((route) => (asksOnlyName(route) ? route : contenders.for([route])));
    this.routes = routes;
    this.#names = new NameIndex(routes);
    this.#entries = [...alone, ...this.#names.shared.map(group)];
    this.#nameless = group(this.#names.nameless);
    this.#suffixDepths = suffixDepths(this.#names.anyDepth.keys());
  }

  /** Undefined where no route matches. Where nothing tells two routes apart the first listed wins. */
  find(query: RouteQuery): R | undefined {
    const name = query.plainTcp ? undefined : query.serverName;
    if (name !== undefined) {
      const route = this.#resolve(this.#names.exact.get(name), query) ?? this.#findWildcard(name, query);
      if (route !== undefined) return route;
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
    if (entry instanceof RouteGroup) return entry.find(query);
    if (entry instanceof Contenders) return entry.find(query) === undefined ? undefined : this.routes[value];
    return entry;
  }
}

/** The routes with one name. */
class RouteGroup<R extends RouteCriteria> {
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

function asksOnlyName(route: RouteCriteria): boolean {
  return route.listeners === undefined && route.sources === undefined && route.alpn === undefined;
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
