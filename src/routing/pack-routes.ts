import { checkedCidr } from './cidr.ts';
import { NamePool } from './name-pool.ts';
import {
  countLabels,
  joinColumns,
  nameKind,
  noContest,
  type PackedRoutes,
  sameAsPattern,
} from './packed-routes.ts';
import type { RouteCriteria } from './route-criteria.ts';
import type { OtherCriteria } from './route-list.ts';

/**
 * Patterns must be in normal form. Throws a TypeError where a source is no address prefix. `action` is whatever JSON
 * can hold.
 */
export function packRoutes(routes: readonly (RouteCriteria & { readonly action?: unknown })[]): PackedRoutes {
  const patternCount = routes.reduce((sum, { serverNames = [] }) => sum + serverNames.length, 0);
  const packing = new Packing(routes.length, patternCount);
  for (const [place, route] of routes.entries()) packing.add(place, route);
  return packing.finish();
}

class Packing {
  readonly #routeCount: number;
  readonly #names: NamePool;
  readonly #routeNames: Uint32Array;
  readonly #routeCriteria: Uint32Array;
  readonly #routeActions: Uint32Array;
  readonly #patternStarts: Uint32Array;
  readonly #patterns: Uint32Array;
  #patternCount = 0;
  readonly #criteria = new Map<string, number>();
  /** By criteria: whether a route with them has to be asked more than its name. */
  readonly #asksMore: boolean[] = [];
  readonly #actions = new Map<string, number>();
  /** Group 0, then the routes of the names listed more than once; a route twice where it lists a name twice. */
  readonly #groups: number[][] = [[]];
  readonly #contests: (readonly number[])[] = [];
  readonly #contestNumbers = new Map<string, number>();
  readonly #suffixDepths = new Uint32Array(4);
  #hasOneLabel = false;

  constructor(routeCount: number, patternCount: number) {
    this.#routeCount = routeCount;
    this.#names = new NamePool(patternCount);
    this.#routeNames = new Uint32Array(routeCount);
    this.#routeCriteria = new Uint32Array(routeCount);
    this.#routeActions = new Uint32Array(routeCount);
    this.#patternStarts = new Uint32Array(routeCount + 1);
    this.#patterns = new Uint32Array(patternCount);
  }

  add(place: number, route: RouteCriteria & { readonly action?: unknown }): void {
    const { name, serverNames } = route;
    this.#routeCriteria[place] = this.#numberCriteria(route);
    this.#routeActions[place] = numberOf(this.#actions, JSON.stringify(route.action ?? null));
    if (serverNames === undefined) this.#groups[0]?.push(place);
    const first = this.#patternCount;
    for (const pattern of serverNames ?? []) this.#addPattern(pattern, route.wildcard, place);
    this.#patternStarts[place + 1] = this.#patternCount;
    // Most routes are named after what they are for.
    this.#routeNames[place] =
      serverNames?.[0] === name ? (this.#patterns[first] ?? 0) + sameAsPattern : this.#names.addText(name);
  }

  #addPattern(pattern: string, wildcard: RouteCriteria['wildcard'], place: number): void {
    const kind = !pattern.startsWith('*')
      ? nameKind.exact
      : wildcard === 'one-label' && pattern !== '*'
        ? nameKind.oneLabel
        : nameKind.anyDepth;
    const name = kind === nameKind.exact ? pattern : pattern.slice(2);
    if (kind === nameKind.oneLabel) this.#hasOneLabel = true;
    if (kind === nameKind.anyDepth) this.#noteDepth(name === '' ? 0 : countLabels(name));
    const slot = this.#names.slotOf(kind, name);
    const found = this.#names.values[slot];
    if (found === undefined) this.#names.values[slot] = place;
    else if (found >= this.#routeCount) this.#groups[found - this.#routeCount]?.push(place);
    else this.#names.values[slot] = this.#routeCount + this.#groups.push([found, place]) - 1;
    this.#patterns[this.#patternCount++] = this.#names.offsetAt(slot);
  }

  #noteDepth(depth: number): void {
    this.#suffixDepths[depth >>> 5] = (this.#suffixDepths[depth >>> 5] ?? 0) | (1 << (depth & 31));
  }

  #numberCriteria({ serverNames, wildcard, alpn, sources, listeners }: RouteCriteria): number {
    const criteria: OtherCriteria = {
      isNamed: serverNames !== undefined,
      wildcard,
      alpn,
      sources,
      listeners,
    };
    const json = JSON.stringify(criteria);
    const known = this.#criteria.get(json);
    if (known !== undefined) return known;
    for (const source of sources ?? []) checkedCidr(source);
    this.#asksMore.push(alpn !== undefined || sources !== undefined || listeners !== undefined);
    return numberOf(this.#criteria, json);
  }

  #contestOf(criteria: readonly number[]): number {
    const key = criteria.join();
    const known = this.#contestNumbers.get(key);
    if (known !== undefined) return known;
    this.#contestNumbers.set(key, this.#contests.length);
    return this.#contests.push(criteria) - 1;
  }

  finish(): PackedRoutes {
    const texts = (all: Iterable<string>) => Array.from(all, (each) => this.#names.addText(each));
    const criteria = texts(this.#criteria.keys());
    const actions = texts(this.#actions.keys());
    const criteriaContests = this.#asksMore.map((asksMore, i) =>
      asksMore ? this.#contestOf([i]) : noContest,
    );
    const groupContests = this.#groups.map((places) =>
      this.#contestOf(places.map((place) => this.#routeCriteria[place] ?? 0)),
    );
    return joinColumns(
      {
        slots: this.#names.slots(),
        routeNames: this.#routeNames,
        routeCriteria: this.#routeCriteria,
        routeActions: this.#routeActions,
        patternStarts: this.#patternStarts,
        patterns: this.#patterns,
        criteria,
        criteriaContests,
        actions,
        groupStarts: startsOf(this.#groups),
        groupMembers: this.#groups.flat(),
        groupContests,
        contestStarts: startsOf(this.#contests),
        contestCriteria: this.#contests.flat(),
        suffixDepths: this.#suffixDepths,
        oneLabel: [this.#hasOneLabel ? 1 : 0],
      },
      this.#names.text,
    );
  }
}

function numberOf(numbers: Map<string, number>, key: string): number {
  const number = numbers.get(key) ?? numbers.size;
  numbers.set(key, number);
  return number;
}

/** Where each list begins when they lie one after another, and where the last ends. */
function startsOf(lists: readonly (readonly unknown[])[]): Uint32Array {
  const starts = new Uint32Array(lists.length + 1);
  for (const [i, list] of lists.entries()) starts[i + 1] = (starts[i] ?? 0) + list.length;
  return starts;
}
