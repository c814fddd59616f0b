import type { RouteCriteria, RouteQuery } from './route-criteria.ts';
import { type Standing, standingOf } from './standing.ts';

export interface RouteExplanation<R extends RouteCriteria> {
  readonly winner: R | undefined;
  /** The winner, then the routes it beat in order of precedence, then those whose name alone matched. */
  readonly considered: readonly ConsideredRoute<R>[];
}

export interface ConsideredRoute<R extends RouteCriteria> {
  readonly route: R;
  readonly verdict: 'won' | 'lost' | 'passed-over';
  /** A sentence about the route. */
  readonly why: string;
}

/**
 * What `RouteTable.find` answers, and why. Takes the routes or a table of them, and looks at every one of them: made
 * for people, not for connections.
 */
export function explainRoute<R extends RouteCriteria>(
  source: readonly R[] | { readonly routes: readonly R[] },
  query: RouteQuery,
): RouteExplanation<R> {
  const routes = 'routes' in source ? source.routes : source;
  const standings = routes.flatMap((route) => standingOf(route, query) ?? []).sort(comparePrecedence);
  const matching = standings.filter(({ failures }) => failures.length === 0);
  const passedOver = standings.filter(({ failures }) => failures.length > 0);
  const [winner, ...losers] = matching;
  if (winner === undefined) return { winner: undefined, considered: passedOver.map(explainPassedOver) };
  return {
    winner: winner.route,
    considered: [
      { route: winner.route, verdict: 'won', why: whyWon(winner) },
      ...losers.map((loser) => explainLoss(loser, winner)),
      ...passedOver.map(explainPassedOver),
    ],
  };
}

/** Negative where `a` comes first. */
function comparePrecedence(a: Standing<RouteCriteria>, b: Standing<RouteCriteria>): number {
  return (
    b.name.rank - a.name.rank ||
    askingListener(b) - askingListener(a) ||
    prefixLength(b) - prefixLength(a) ||
    offeredAt(a) - offeredAt(b)
  );
}

function askingListener({ route }: Standing<RouteCriteria>): number {
  return route.listeners === undefined ? 0 : 1;
}

function prefixLength({ prefix }: Standing<RouteCriteria>): number {
  return prefix?.length ?? -1;
}

/** Past every offer where the route asks for no protocol. */
function offeredAt({ protocol }: Standing<RouteCriteria>): number {
  return protocol?.offeredAt ?? Number.MAX_SAFE_INTEGER;
}

function whyWon({ route, name, prefix, protocol }: Standing<RouteCriteria>): string {
  const matched = [name.text];
  if (route.listeners !== undefined) matched.push('its listener');
  if (prefix !== undefined) matched.push(`its source ${prefix.text}`);
  if (protocol !== undefined) matched.push(`its protocol ${protocol.text}`);
  return `matches by ${matched.join(', ')}`;
}

function explainLoss<R extends RouteCriteria>(loser: Standing<R>, winner: Standing<R>): ConsideredRoute<R> {
  return { route: loser.route, verdict: 'lost', why: whyLost(loser, winner) };
}

function whyLost(loser: Standing<RouteCriteria>, winner: Standing<RouteCriteria>): string {
  if (loser.name.rank !== winner.name.rank)
    return `${loser.name.text} is less specific than ${winner.name.text}`;
  if (askingListener(loser) !== askingListener(winner)) {
    return `having no listeners is less specific than naming the listener`;
  }
  if (loser.prefix?.length !== winner.prefix?.length) {
    const held = loser.prefix === undefined ? 'having no sources' : `source ${loser.prefix.text}`;
    return `${held} is less specific than source ${winner.prefix?.text}`;
  }
  if (loser.protocol === undefined && winner.protocol !== undefined) {
    return `having no protocols is less specific than protocol ${winner.protocol.text}`;
  }
  if (loser.protocol?.offeredAt !== winner.protocol?.offeredAt) {
    return `protocol ${loser.protocol?.text} is offered after ${winner.protocol?.text}`;
  }
  return 'nothing tells it from the winner, which is listed first';
}

function explainPassedOver<R extends RouteCriteria>({ route, failures }: Standing<R>): ConsideredRoute<R> {
  return { route, verdict: 'passed-over', why: failures.join('; ') };
}
