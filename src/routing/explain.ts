import type { RouteQuery } from './route-criteria.ts';
import type { RouteHead } from './route-list.ts';
import type { RouteTable } from './route-table.ts';
import { nameStandingOf, type Standing, standingOf } from './standing.ts';

export interface RouteExplanation<A> {
  readonly winner: RouteHead<A> | undefined;
  /** The winner, then the routes it beat in order of precedence, then those whose name alone matched. */
  readonly considered: readonly ConsideredRoute<A>[];
}

export interface ConsideredRoute<A> {
  readonly route: RouteHead<A>;
  readonly verdict: 'won' | 'lost' | 'passed-over';
  /** A sentence about the route. */
  readonly why: string;
}

/** What `RouteTable.find` answers, and why. Looks at every route whose name matches: for people, not for connections. */
export function explainRoute<A>(table: RouteTable<A>, query: RouteQuery): RouteExplanation<A> {
  const standings = standingsOf(table, query).sort(comparePrecedence);
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

/** Each route once, by the most specific of its names. */
function standingsOf<A>(table: RouteTable<A>, query: RouteQuery): Standing<A>[] {
  const byPlace = new Map<number, Standing<A>>();
  for (const named of table.named(query)) {
    const name = nameStandingOf(named);
    for (const place of named.places) {
      if (byPlace.has(place)) continue;
      const { routes } = table;
      const route = routes.head(place);
      byPlace.set(place, standingOf({ route, criteria: routes.otherCriteria(place), place, name }, query));
    }
  }
  return [...byPlace.values()];
}

/** Negative where `a` comes first. */
function comparePrecedence(a: Standing<unknown>, b: Standing<unknown>): number {
  return (
    b.name.rank - a.name.rank ||
    askingListener(b) - askingListener(a) ||
    prefixLength(b) - prefixLength(a) ||
    offeredAt(a) - offeredAt(b) ||
    a.place - b.place
  );
}

function askingListener({ criteria }: Standing<unknown>): number {
  return criteria.listeners === undefined ? 0 : 1;
}

function prefixLength({ prefix }: Standing<unknown>): number {
  return prefix?.length ?? -1;
}

/** Past every offer where the route asks for no protocol. */
function offeredAt({ protocol }: Standing<unknown>): number {
  return protocol?.offeredAt ?? Number.MAX_SAFE_INTEGER;
}

function whyWon({ criteria, name, prefix, protocol }: Standing<unknown>): string {
  const matched = [name.text];
  if (criteria.listeners !== undefined) matched.push('its listener');
  if (prefix !== undefined) matched.push(`its source ${prefix.text}`);
  if (protocol !== undefined) matched.push(`its protocol ${protocol.text}`);
  return `matches by ${matched.join(', ')}`;
}

function explainLoss<A>(loser: Standing<A>, winner: Standing<A>): ConsideredRoute<A> {
  return { route: loser.route, verdict: 'lost', why: whyLost(loser, winner) };
}

function whyLost(loser: Standing<unknown>, winner: Standing<unknown>): string {
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

function explainPassedOver<A>({ route, failures }: Standing<A>): ConsideredRoute<A> {
  return { route, verdict: 'passed-over', why: failures.join('; ') };
}
