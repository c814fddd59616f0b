import type { RouteCounts, TopCounts } from './top-counts.ts';

/** A second's worth of each count. */
export interface RouteRates extends Readonly<RouteCounts> {
  /** Empty: connections that ended before they had a route. */
  readonly name: string;
}

export interface EndpointRates {
  readonly upstream: string;
  readonly endpoint: string;
  readonly isUp: boolean;
  readonly active: number;
  readonly failures: number;
}

export interface TopRates {
  readonly plane: string;
  readonly restarts: number;
  readonly active: number;
  readonly total: Readonly<RouteCounts>;
  readonly routes: readonly RouteRates[];
  readonly endpoints: readonly EndpointRates[];
  /** Reasons of refusals, the most frequent first, those of this moment only. */
  readonly refusals: readonly { readonly reason: string; readonly rate: number }[];
}

/** What happened between two times, by the second. A proxy that has been started anew counts from zero. */
export function ratesBetween(before: TopCounts, now: TopCounts): TopRates {
  const seconds = Math.max((now.atMs - before.atMs) / 1000, 0.001);
  const rate = (count: number, old = 0) => (count < old ? count : count - old) / seconds;
  const routes = Array.from(now.routes, ([name, counts]): RouteRates => {
    const old = before.routes.get(name);
    return { name, ...eachOf((key) => rate(counts[key], old?.[key])) };
  });
  const endpoints = Array.from(now.endpoints, ([key, { failures, ...rest }]): EndpointRates => {
    return { ...rest, failures: rate(failures, before.endpoints.get(key)?.failures) };
  });
  const refusals = Array.from(now.refusals, ([reason, count]) => ({
    reason,
    rate: rate(count, before.refusals.get(reason)),
  }));
  return {
    plane: now.plane,
    restarts: now.restarts,
    active: now.active,
    total: eachOf((key) => routes.reduce((sum, route) => sum + route[key], 0)),
    routes,
    endpoints,
    refusals: refusals.filter((each) => each.rate > 0).sort((a, b) => b.rate - a.rate),
  };
}

function eachOf(value: (key: keyof RouteCounts) => number): RouteCounts {
  return {
    connections: value('connections'),
    bytesUp: value('bytesUp'),
    bytesDown: value('bytesDown'),
    refused: value('refused'),
    reset: value('reset'),
  };
}
