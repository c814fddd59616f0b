import { checkedCidr, formatCidr } from './cidr.ts';
import { NameIndex } from './name-index.ts';
import { isCovered, type NestedPrefix, nestPrefixes } from './prefix-cover.ts';
import type { RouteCriteria } from './route-criteria.ts';

export interface RouteConflict<R extends RouteCriteria> {
  readonly first: R;
  readonly second: R;
  /** A sentence about the two: the name both match, and what of their other criteria overlaps. */
  readonly why: string;
}

/**
 * Routes that some connection matches with equal precedence. A route is reported once, with the first route of the
 * list it cannot be told from, however many there are: the time grows with the list, not with its square.
 * Throws a TypeError where a source is no address prefix.
 */
export function findRouteConflicts<R extends RouteCriteria>(routes: readonly R[]): RouteConflict<R>[] {
  const overlaps = new OverlapSearch(routes);
  for (const { name, places } of new NameIndex(routes).sharedNames()) overlaps.searchGroup(name, places);
  const conflicts: RouteConflict<R>[] = [];
  for (const [place, second] of routes.entries()) {
    const overlap = overlaps.found.get(place);
    const first = overlap === undefined ? undefined : routes[overlap.withPlace];
    if (overlap === undefined || first === undefined) continue;
    conflicts.push({ first, second, why: describe(overlap) });
  }
  return conflicts;
}

/** What a route asks about, one value of each criterion; undefined where it doesn't ask. */
interface Claim {
  readonly listener: string | undefined;
  readonly prefix: NestedPrefix | undefined;
  readonly protocol: string | undefined;
}

interface Overlap {
  readonly withPlace: number;
  readonly name: string | undefined;
  readonly claim: Claim;
}

class OverlapSearch {
  /** By a route's place in the list: the first earlier route it overlaps. */
  readonly found = new Map<number, Overlap>();
  readonly #routes: readonly RouteCriteria[];
  readonly #claims = new Map<number, readonly Claim[]>();
  readonly #searched = new Set<string>();

  constructor(routes: readonly RouteCriteria[]) {
    this.#routes = routes;
  }

  searchGroup(name: string | undefined, places: readonly number[]): void {
    // Routes that share a hundred names need telling apart once.
    const key = places.join();
    if (places.length < 2 || this.#searched.has(key)) return;
    this.#searched.add(key);
    const claimed = new Map<string, { place: number; claim: Claim }[]>();
    for (const place of places) {
      for (const claim of this.#claimsOf(place)) {
        const claimKey = keyOf(claim);
        const earlier = claimed.get(claimKey) ?? [];
        const tied = earlier.find((other) => other.place !== place && overlap(other.claim, claim));
        if (tied !== undefined) this.#note(place, { withPlace: tied.place, name, claim });
        earlier.push({ place, claim });
        claimed.set(claimKey, earlier);
      }
    }
  }

  #note(place: number, overlap: Overlap): void {
    const noted = this.found.get(place);
    if (noted === undefined || overlap.withPlace < noted.withPlace) this.found.set(place, overlap);
  }

  #claimsOf(place: number): readonly Claim[] {
    const route = this.#routes[place];
    const claims = this.#claims.get(place) ?? (route === undefined ? [] : claimsOf(route));
    this.#claims.set(place, claims);
    return claims;
  }
}

function claimsOf(route: RouteCriteria): Claim[] {
  const prefixes = route.sources === undefined ? [undefined] : nestPrefixes(route.sources.map(checkedCidr));
  return (route.listeners ?? [undefined]).flatMap((listener) =>
    prefixes.flatMap((prefix) =>
      (route.alpn ?? [undefined]).map((protocol) => ({ listener, prefix, protocol })),
    ),
  );
}

/** Equal for two claims exactly where they are of equal precedence for the connections both hold for. */
function keyOf({ listener, prefix, protocol }: Claim): string {
  const prefixKey = prefix && `${prefix.cidr.family} ${prefix.cidr.bits}/${prefix.cidr.length}`;
  return JSON.stringify([listener, prefixKey, protocol]);
}

/** Whether an address exists for which the prefix both claims have is the longest of either route. */
function overlap(a: Claim, b: Claim): boolean {
  if (a.prefix === undefined || b.prefix === undefined) return true;
  return !isCovered(a.prefix.cidr, [...a.prefix.inside, ...b.prefix.inside]);
}

function describe({ name, claim }: Overlap): string {
  const { listener, prefix, protocol } = claim;
  const parts = [
    name === undefined ? 'both match any connection' : `both match ${name}`,
    listener === undefined ? '' : ` on listener ${listener}`,
    prefix === undefined ? '' : ` from ${formatCidr(prefix.cidr)}`,
    protocol === undefined ? '' : ` offering ${protocol}`,
    ', and neither is more specific',
  ];
  return parts.join('');
}
