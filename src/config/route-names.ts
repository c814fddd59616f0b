import type { RouteConfig } from './route-schema.ts';

/** How many of a route's server names its name shows; the rest are counted. */
const shownServerNames = 3;

/**
 * The routes' names: as given, else made from the server names (`default` where there are none). A made name that
 * another route has gets a number, in the order of the routes: `shop.example.com#2`.
 */
export function nameRoutes(routes: readonly Pick<RouteConfig, 'name' | 'serverNames'>[]): string[] {
  const taken = new Set(routes.flatMap(({ name }) => name ?? []));
  const made = new Map<string, number>();
  return routes.map(({ name, serverNames }) => {
    if (name !== undefined) return name;
    const base = baseName(serverNames ?? []);
    let count = made.get(base) ?? 0;
    let candidate: string;
    do {
      count++;
      candidate = count === 1 ? base : `${base}#${count}`;
    } while (taken.has(candidate));
    made.set(base, count);
    taken.add(candidate);
    return candidate;
  });
}

function baseName(serverNames: readonly string[]): string {
  if (serverNames.length === 0) return 'default';
  const rest = serverNames.length - shownServerNames;
  return serverNames.slice(0, shownServerNames).join(',') + (rest > 0 ? `,+${rest}` : '');
}
