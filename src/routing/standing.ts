import { CidrSet, checkedCidr, formatCidr } from './cidr.ts';
import { countLabels, nameKind } from './packed-routes.ts';
import type { RouteCriteria, RouteQuery } from './route-criteria.ts';
import type { RouteHead } from './route-list.ts';
import type { NamedRoutes } from './route-table.ts';

/** How a route whose name matches a connection stands in the order of precedence. */
export interface Standing<A> {
  readonly route: RouteHead<A>;
  readonly criteria: OtherCriteria;
  /** Where the configuration lists it. */
  readonly place: number;
  /** The most specific of the route's patterns that match. */
  readonly name: NameStanding;
  /** The longest of the route's prefixes that holds the client's address. */
  readonly prefix: { readonly text: string; readonly length: number } | undefined;
  /** The protocol the client offers first, of those the route names. */
  readonly protocol: { readonly text: string; readonly offeredAt: number } | undefined;
  /** Why the route doesn't match after all; empty: it does. */
  readonly failures: readonly string[];
}

export interface NameStanding {
  /** Higher is more specific. */
  readonly rank: number;
  readonly text: string;
}

/** Above any wildcard's: a name has 127 labels at most. */
const exactRank = 1000;

type OtherCriteria = Omit<RouteCriteria, 'name' | 'serverNames'>;

/** Of a route whose name matches. */
export function standingOf<A>(
  { route, criteria, place, name }: Pick<Standing<A>, 'route' | 'criteria' | 'place' | 'name'>,
  query: RouteQuery,
): Standing<A> {
  const { listeners, sources, alpn } = criteria;
  const prefix = longestPrefix(sources ?? [], query.source);
  const protocol = firstOffered(alpn ?? [], query);
  const failures: string[] = [];
  if (listeners?.includes(query.listener) === false) {
    failures.push(`it is for listener ${list(listeners)}, not ${query.listener}`);
  }
  if (sources !== undefined && prefix === undefined) failures.push(sourceFailure(sources, query));
  if (alpn !== undefined && protocol === undefined) failures.push(protocolFailure(alpn, query));
  return { route, criteria, place, name, prefix, protocol, failures };
}

/** Of a name that a connection's name matches: see `RouteTable.named`. */
export function nameStandingOf({ kind, name }: NamedRoutes): NameStanding {
  if (kind === undefined) return { rank: 0, text: 'having no server names' };
  if (kind === nameKind.exact) return { rank: exactRank, text: `the exact name ${name}` };
  if (name === '') return { rank: 1, text: 'wildcard *' };
  const rank = 2 * countLabels(name);
  return kind === nameKind.oneLabel
    ? { rank: rank + 1, text: `wildcard *.${name} (one label)` }
    : { rank, text: `wildcard *.${name}` };
}

function longestPrefix(sources: readonly string[], address: string | undefined): Standing<unknown>['prefix'] {
  if (address === undefined) return undefined;
  let longest: Standing<unknown>['prefix'];
  for (const source of sources) {
    const length = new CidrSet([source]).longestMatch(address);
    if (length > (longest?.length ?? -1)) longest = { text: formatCidr(checkedCidr(source)), length };
  }
  return longest;
}

function firstOffered(alpn: readonly string[], query: RouteQuery): Standing<unknown>['protocol'] {
  if (query.plainTcp) return undefined;
  const offeredAt = query.alpn.findIndex((protocol) => alpn.includes(protocol));
  const text = query.alpn[offeredAt];
  return text === undefined ? undefined : { text, offeredAt };
}

function sourceFailure(sources: readonly string[], query: RouteQuery): string {
  const address = query.source ?? 'the client, whose address is not known,';
  return `${address} is not in its sources ${list(sources)}`;
}

function protocolFailure(alpn: readonly string[], query: RouteQuery): string {
  if (query.plainTcp) return `it asks for protocol ${list(alpn)}, and the connection is not TLS`;
  const offered = query.alpn.length === 0 ? 'no protocol' : list(query.alpn);
  return `it asks for protocol ${list(alpn)}, and the client offers ${offered}`;
}

/** The first few, as a sentence can carry. */
function list(texts: readonly string[]): string {
  const shown = texts.slice(0, 5).join(', ');
  return texts.length > 5 ? `${shown} and ${texts.length - 5} more` : shown;
}
