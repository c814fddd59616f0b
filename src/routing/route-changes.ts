import type { PackedRoutes } from './packed-routes.ts';
import { RouteList } from './route-list.ts';

/** Names of routes. */
export interface RouteChanges {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

/** What tells one list of routes from another; routes are the same under the same name. Takes its time. */
export function compareRoutes(before: PackedRoutes, after: PackedRoutes): RouteChanges {
  const old = new RouteList<unknown>(before);
  const placeOf = new Map<string, number>();
  for (let place = 0; place < old.length; place++) placeOf.set(old.head(place).name, place);
  const added: string[] = [];
  const changed: string[] = [];
  for (const route of new RouteList<unknown>(after)) {
    const place = placeOf.get(route.name);
    placeOf.delete(route.name);
    if (place === undefined) added.push(route.name);
    else if (JSON.stringify(old.at(place)) !== JSON.stringify(route)) changed.push(route.name);
  }
  return { added, removed: [...placeOf.keys()], changed };
}
