import { CidrSet, checkedCidr, formatCidr } from './cidr.ts';
import type { RouteCriteria, RouteQuery } from './route-criteria.ts';

/** How a route whose name matches a connection stands in the order of precedence. */
export interface Standing<R extends RouteCriteria> {
  readonly route: R;
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

/** Undefined where the route's name doesn't match. */
export function standingOf<R extends RouteCriteria>(route: R, query: RouteQuery): Standing<R> | undefined {
  const name = nameStandingOf(route, query);
  if (name === undefined) return undefined;
  const prefix = longestPrefix(route.sources ?? [], query.source);
  const protocol = firstOffered(route.alpn ?? [], query);
  const failures: string[] = [];
  if (route.listeners?.includes(query.listener) === false) {
    failures.push(`it is for listener ${list(route.listeners)}, not ${query.listener}`);
  }
  if (route.sources !== undefined && prefix === undefined) failures.push(sourceFailure(route.sources, query));
  if (route.alpn !== undefined && protocol === undefined) failures.push(protocolFailure(route.alpn, query));
  return { route, name, prefix, protocol, failures };
}

function nameStandingOf(route: RouteCriteria, query: RouteQuery): NameStanding | undefined {
  if (route.serverNames === undefined) return { rank: 0, text: 'having no server names' };
  if (query.plainTcp || query.serverName === undefined) return undefined;
  let best: NameStanding | undefined;
  for (const pattern of route.serverNames) {
    const standing = patternStandingOf(pattern, route.wildcard, query.serverName);
    if (standing !== undefined && standing.rank > (best?.rank ?? 0)) best = standing;
  }
  return best;
}

function patternStandingOf(
  pattern: string,
  wildcard: RouteCriteria['wildcard'],
  serverName: string,
): NameStanding | undefined {
  if (pattern === '*') return { rank: 1, text: 'wildcard *' };
  if (!pattern.startsWith('*')) {
    return pattern === serverName ? { rank: exactRank, text: `the exact name ${pattern}` } : undefined;
  }
  const suffix = pattern.slice(1);
  const labels = serverName.slice(0, -suffix.length);
  if (labels === '' || !serverName.endsWith(suffix)) return undefined;
  const isOneLabel = wildcard === 'one-label';
  if (isOneLabel && labels.includes('.')) return undefined;
  const suffixLabels = suffix.split('.').length - 1;
  return {
    rank: 2 * suffixLabels + (isOneLabel ? 1 : 0),
    text: isOneLabel ? `wildcard ${pattern} (one label)` : `wildcard ${pattern}`,
  };
}

function longestPrefix(sources: readonly string[], address: string | undefined): Standing<never>['prefix'] {
  if (address === undefined) return undefined;
  let longest: Standing<never>['prefix'];
  for (const source of sources) {
    const length = new CidrSet([source]).longestMatch(address);
    if (length > (longest?.length ?? -1)) longest = { text: formatCidr(checkedCidr(source)), length };
  }
  return longest;
}

function firstOffered(alpn: readonly string[], query: RouteQuery): Standing<never>['protocol'] {
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
