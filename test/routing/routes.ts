import { packRoutes } from '../../src/routing/pack-routes.ts';
import type { RouteCriteria, RouteQuery } from '../../src/routing/route-criteria.ts';
import { RouteTable } from '../../src/routing/route-table.ts';

export function tableOf(routes: readonly RouteCriteria[]): RouteTable<unknown> {
  return new RouteTable(packRoutes(routes));
}

export function route(name: string, criteria: Partial<RouteCriteria> = {}): RouteCriteria {
  return { name, wildcard: 'any-depth', ...criteria };
}

/** A connection that names nothing but what is given. */
export function connection(given: Partial<RouteQuery> = {}): RouteQuery {
  return {
    serverName: undefined,
    alpn: [],
    source: '192.0.2.1',
    listener: 'edge',
    plainTcp: false,
    ...given,
  };
}
