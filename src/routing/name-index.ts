import type { RouteCriteria } from './route-criteria.ts';

/**
 * Which routes have which name, by their place in the list. A name's value is a place where it is listed once, else
 * the number of routes plus a place in `shared`: a name costs its string and a map entry, no object.
 */
export class NameIndex {
  readonly exact = new Map<string, number>();
  /** By the suffix after `*.`, where the `*` is one label. */
  readonly oneLabel = new Map<string, number>();
  /** By the suffix after `*.`, where the `*` is any number of labels; `*` alone has the empty suffix. */
  readonly anyDepth = new Map<string, number>();
  /** The routes without server names. */
  readonly nameless: number[] = [];
  /** The routes of the names listed more than once, in the list's order; a route twice where it lists a name twice. */
  readonly shared: number[][] = [];
  readonly #routeCount: number;

  constructor(routes: readonly RouteCriteria[]) {
    this.#routeCount = routes.length;
    for (const [place, route] of routes.entries()) {
      if (route.serverNames === undefined) this.nameless.push(place);
      for (const pattern of route.serverNames ?? []) this.#add(pattern, route.wildcard, place);
    }
  }

  #add(pattern: string, wildcard: RouteCriteria['wildcard'], place: number): void {
    if (pattern === '*') this.#put(this.anyDepth, '', place);
    else if (!pattern.startsWith('*')) this.#put(this.exact, pattern, place);
    else this.#put(wildcard === 'one-label' ? this.oneLabel : this.anyDepth, pattern.slice(2), place);
  }

  #put(names: Map<string, number>, name: string, place: number): void {
    const value = names.get(name);
    if (value === undefined) {
      names.set(name, place);
    } else if (value < this.#routeCount) {
      names.set(name, this.#routeCount + this.shared.length);
      this.shared.push([value, place]);
    } else {
      this.shared[value - this.#routeCount]?.push(place);
    }
  }

  /** The names listed more than once, as a user would write them; undefined for the routes without names. */
  *sharedNames(): Iterable<{ readonly name: string | undefined; readonly places: readonly number[] }> {
    yield { name: undefined, places: this.nameless };
    yield* this.#sharedIn(this.exact, (name) => name);
    yield* this.#sharedIn(this.oneLabel, (suffix) => `*.${suffix} (one label)`);
    yield* this.#sharedIn(this.anyDepth, (suffix) => (suffix === '' ? '*' : `*.${suffix}`));
  }

  *#sharedIn(names: ReadonlyMap<string, number>, write: (name: string) => string) {
    for (const [name, value] of names) {
      const places = this.shared[value - this.#routeCount];
      if (places !== undefined) yield { name: write(name), places };
    }
  }
}
