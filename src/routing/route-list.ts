import {
  nameKind,
  type PackedRoutes,
  type RouteColumns,
  sameAsPattern,
  splitColumns,
} from './packed-routes.ts';
import type { RouteCriteria } from './route-criteria.ts';

/** What a connection needs of its route. */
export interface RouteHead<A> {
  readonly name: string;
  readonly action: A;
}

/** What a route asks besides the name, as it is packed. */
export interface OtherCriteria extends Pick<RouteCriteria, 'wildcard'> {
  readonly isNamed: boolean;
  readonly alpn: readonly string[] | undefined;
  readonly sources: readonly string[] | undefined;
  readonly listeners: readonly string[] | undefined;
}

/**
 * The routes themselves, as they were packed: each made anew when it is asked for. `A` is what the routes' actions
 * were when they were packed.
 */
export class RouteList<A> {
  readonly columns: RouteColumns;
  readonly text: Buffer;
  readonly #actions: A[] = [];
  readonly #criteria: OtherCriteria[] = [];

  constructor(routes: PackedRoutes) {
    const { columns, text } = splitColumns(routes);
    this.columns = columns;
    this.text = text;
  }

  get length(): number {
    return this.columns.routeNames.length;
  }

  /** Throws a RangeError where there is no such place. */
  at(place: number): RouteCriteria & RouteHead<A> {
    const { name, action } = this.head(place);
    return { name, ...this.#serverNames(place), ...this.otherCriteria(place), action };
  }

  *[Symbol.iterator](): Generator<RouteCriteria & RouteHead<A>> {
    for (let place = 0; place < this.length; place++) yield this.at(place);
  }

  /** Costs the same however many server names the route has. */
  head(place: number): RouteHead<A> {
    if (place >= this.length) throw new RangeError(`there is no route at ${place}`);
    return { name: this.#name(place), action: this.action(this.columns.routeActions[place] ?? 0) };
  }

  /** All but the server names. */
  otherCriteria(place: number): Omit<RouteCriteria, 'name' | 'serverNames'> {
    const { wildcard, alpn, sources, listeners } = this.criteria(this.columns.routeCriteria[place] ?? 0);
    return { wildcard, ...(alpn && { alpn }), ...(sources && { sources }), ...(listeners && { listeners }) };
  }

  /** The different things that routes do, each once. */
  *actions(): Generator<A> {
    for (let i = 0; i < this.columns.actions.length; i++) yield this.action(i);
  }

  /** The different lists of listeners that routes are for, each once or more; undefined: all. */
  *listeners(): Generator<readonly string[] | undefined> {
    for (let i = 0; i < this.columns.criteria.length; i++) yield this.criteria(i).listeners;
  }

  action(number: number): A {
    const known = this.#actions[number];
    if (known !== undefined) return known;
    const action = JSON.parse(this.textAt(this.columns.actions[number] ?? 0)) as A;
    this.#actions[number] = action;
    return action;
  }

  criteria(number: number): OtherCriteria {
    const known = this.#criteria[number];
    if (known !== undefined) return known;
    const criteria = JSON.parse(this.textAt(this.columns.criteria[number] ?? 0)) as OtherCriteria;
    this.#criteria[number] = criteria;
    return criteria;
  }

  textAt(offset: number): string {
    const length = this.text.readUInt32LE(offset);
    return this.text.toString('utf8', offset + 4, offset + 4 + length);
  }

  #name(place: number): string {
    const at = this.columns.routeNames[place] ?? 0;
    return at < sameAsPattern ? this.textAt(at) : this.#pattern(at - sameAsPattern);
  }

  #serverNames(place: number): Pick<RouteCriteria, 'serverNames'> {
    const { patternStarts, patterns, routeCriteria } = this.columns;
    if (!this.criteria(routeCriteria[place] ?? 0).isNamed) return {};
    const offsets = patterns.subarray(patternStarts[place], patternStarts[place + 1]);
    return { serverNames: Array.from(offsets, (offset) => this.#pattern(offset)) };
  }

  #pattern(offset: number): string {
    const length = this.text[offset + 1] ?? 0;
    const name = this.text.toString('latin1', offset + 2, offset + 2 + length);
    if (this.text[offset] === nameKind.exact) return name;
    return name === '' ? '*' : `*.${name}`;
  }
}
