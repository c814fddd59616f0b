import type { RouteCriteria, RouteQuery } from './route-criteria.ts';
import { RouteTable } from './route-table.ts';

export interface RouteExplanation<R extends RouteCriteria> {
  readonly winner: R | undefined;
  /** The winner, then the routes it beat in order of precedence, then those whose name alone matched. */
  readonly considered: readonly ConsideredRoute<R>[];
}

export interface ConsideredRoute<R extends RouteCriteria> {
  readonly route: R;
  readonly verdict: 'won' | 'lost' | 'passed-over';
  readonly why: string;
}

export function explainRoute<R extends RouteCriteria>(
  routes: readonly R[] | RouteTable<R>,
  query: RouteQuery,
): RouteExplanation<R> {
  const table = routes instanceof RouteTable ? routes : new RouteTable(routes);
  return { winner: table.find(query), considered: [] };
}
