import type { RouteCriteria } from './route-criteria.ts';

export interface RouteConflict<R extends RouteCriteria> {
  readonly first: R;
  readonly second: R;
  /** A sentence: the name both have and what else of them overlaps. */
  readonly why: string;
}

export function findRouteConflicts<R extends RouteCriteria>(_routes: readonly R[]): RouteConflict<R>[] {
  return [];
}
