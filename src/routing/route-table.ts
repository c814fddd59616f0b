import { Contenders } from './contenders.ts';
import {
  countLabels,
  hashName,
  isNameAt,
  type NameKind,
  nameKind,
  noContest,
  type PackedRoutes,
} from './packed-routes.ts';
import type { RouteQuery } from './route-criteria.ts';
import { type RouteHead, RouteList } from './route-list.ts';

/** How many of the routes in use are kept as objects: making one anew costs a fraction of a microsecond. */
const mostHeads = 10_000;

/** The routes whose name matches a connection, of one name. */
export interface NamedRoutes {
  readonly places: Iterable<number>;
  readonly kind: NameKind | undefined;
  /** As in the connection's name; empty for `*` alone and for routes without server names. */
  readonly name: string;
}

/**
 * Finds the route of a connection: exact name, then the wildcard with the most labels, then `*`, then no server
 * names; among routes equal on the name see `Contenders`. An exact name costs one hash lookup, a wildcard one more
 * for each suffix length that some wildcard has; neither grows with the number of names. Reads packed routes in
 * place: making a table takes no time.
 *
 * A name leads to a place, where it has one route, or to the number of routes plus that of a group.
 */
export class RouteTable<A> {
  readonly routes: RouteList<A>;
  readonly #slots: Uint32Array;
  readonly #mask: number;
  readonly #contests: (Contenders | undefined)[] = [];
  readonly #heads = new Map<number, RouteHead<A>>();

  constructor(routes: PackedRoutes) {
    this.routes = new RouteList(routes);
    this.#slots = this.routes.columns.slots;
    this.#mask = this.#slots.length / 2 - 1;
  }

  /** Undefined where no route matches. Where nothing tells two routes apart the first listed wins. */
  find(query: RouteQuery): RouteHead<A> | undefined {
    const place = this.#findPlace(query);
    return place === undefined ? undefined : this.#head(place);
  }

  /**
   * Does by steps what would else be done for the first connection that needs it: what tells routes apart that have
   * very many sources takes a while to make.
   */
  *prepare(): Generator<void> {
    for (let number = 0; number < this.routes.columns.contestStarts.length - 1; number++) {
      this.#contests[number] = yield* this.#makeContest(number);
    }
  }

  /** All routes whose name matches, by name, the most specific first: for people. */
  *named({ serverName, plainTcp }: RouteQuery): Generator<NamedRoutes> {
    if (serverName !== undefined && !plainTcp) {
      yield this.#namedBy(nameKind.exact, serverName, 0);
      let start = serverName.indexOf('.') + 1;
      yield this.#namedBy(nameKind.oneLabel, serverName, start > 0 ? start : -1);
      for (; start > 0; start = serverName.indexOf('.', start) + 1) {
        yield this.#namedBy(nameKind.anyDepth, serverName, start);
      }
      yield this.#namedBy(nameKind.anyDepth, serverName, serverName.length);
    }
    yield { places: this.#members(0), kind: undefined, name: '' };
  }

  #namedBy(kind: NameKind, serverName: string, start: number): NamedRoutes {
    const value = start < 0 ? undefined : this.#lookUp(kind, serverName, start);
    const isGroup = value !== undefined && value >= this.routes.length;
    const places = isGroup ? this.#members(value - this.routes.length) : value === undefined ? [] : [value];
    return { places, kind, name: serverName.slice(Math.max(start, 0)) };
  }

  #findPlace(query: RouteQuery): number | undefined {
    const name = query.plainTcp ? undefined : query.serverName;
    if (name !== undefined) {
      const place = this.#resolve(nameKind.exact, name, 0, query) ?? this.#findWildcard(name, query);
      if (place !== undefined) return place;
    }
    return this.#decide(this.routes.length, query);
  }

  #findWildcard(name: string, query: RouteQuery): number | undefined {
    const { oneLabel, suffixDepths } = this.routes.columns;
    let start = name.indexOf('.') + 1;
    if (oneLabel[0] !== 0 && start > 0) {
      const place = this.#resolve(nameKind.oneLabel, name, start, query);
      if (place !== undefined) return place;
    }
    let depth = countLabels(name) - 1;
    for (; start > 0; start = name.indexOf('.', start) + 1) {
      if (!hasBit(suffixDepths, depth--)) continue;
      const place = this.#resolve(nameKind.anyDepth, name, start, query);
      if (place !== undefined) return place;
    }
    return hasBit(suffixDepths, 0) ? this.#resolve(nameKind.anyDepth, name, name.length, query) : undefined;
  }

  #resolve(kind: NameKind, name: string, start: number, query: RouteQuery): number | undefined {
    const value = this.#lookUp(kind, name, start);
    return value === undefined ? undefined : this.#decide(value, query);
  }

  /** What the name from `start` leads to. */
  #lookUp(kind: NameKind, name: string, start: number): number | undefined {
    const text = this.routes.text;
    for (let slot = hashName(kind, name, start) & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const offset = this.#slots[2 * slot] ?? 0;
      if (offset === 0) return undefined;
      if (isNameAt(text, offset, kind, name, start)) return this.#slots[2 * slot + 1];
    }
  }

  #decide(value: number, query: RouteQuery): number | undefined {
    const { columns, length } = this.routes;
    if (value >= length) {
      const group = value - length;
      const winner = this.#contest(columns.groupContests[group] ?? 0).find(query);
      return winner === undefined
        ? undefined
        : columns.groupMembers[(columns.groupStarts[group] ?? 0) + winner];
    }
    const contest = columns.criteriaContests[columns.routeCriteria[value] ?? 0] ?? noContest;
    return contest === noContest || this.#contest(contest).find(query) !== undefined ? value : undefined;
  }

  #members(group: number): Uint32Array {
    const { groupMembers, groupStarts } = this.routes.columns;
    return groupMembers.subarray(groupStarts[group], groupStarts[group + 1]);
  }

  #contest(number: number): Contenders {
    const known = this.#contests[number];
    if (known !== undefined) return known;
    const making = this.#makeContest(number);
    for (;;) {
      const step = making.next();
      if (!step.done) continue;
      this.#contests[number] = step.value;
      return step.value;
    }
  }

  *#makeContest(number: number): Generator<void, Contenders> {
    const { contestStarts, contestCriteria } = this.routes.columns;
    const contenders = new Contenders();
    const members = contestCriteria.subarray(contestStarts[number], contestStarts[number + 1]);
    for (const [place, criteria] of members.entries()) {
      yield* contenders.add(this.routes.criteria(criteria), place);
    }
    return contenders;
  }

  #head(place: number): RouteHead<A> {
    const known = this.#heads.get(place);
    if (known !== undefined) return known;
    if (this.#heads.size >= mostHeads) this.#heads.clear();
    const head = this.routes.head(place);
    this.#heads.set(place, head);
    return head;
  }
}

function hasBit(words: Uint32Array, bit: number): boolean {
  return ((words[bit >>> 5] ?? 0) & (1 << (bit & 31))) !== 0;
}
