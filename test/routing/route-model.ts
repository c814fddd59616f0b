import fc from 'fast-check';
import ipaddr from 'ipaddr.js';

import type { RouteCriteria, RouteQuery } from '../../src/routing/route-criteria.ts';

/**
 * The rules of precedence, slow and one by one: compared from the left, higher wins. Undefined where the route
 * doesn't match.
 */
export function modelPrecedence(route: RouteCriteria, query: RouteQuery): number[] | undefined {
  const names = query.plainTcp || query.serverName === undefined ? [] : [query.serverName];
  const nameScores = (route.serverNames ?? []).flatMap((pattern) =>
    names.flatMap((name) => modelNameScore(pattern, route.wildcard, name) ?? []),
  );
  if (route.serverNames !== undefined && nameScores.length === 0) return undefined;
  if (route.listeners !== undefined && !route.listeners.includes(query.listener)) return undefined;
  const prefixLengths = (route.sources ?? [])
    .filter((each) => modelHolds(each, query.source))
    .map(modelLength);
  if (route.sources !== undefined && prefixLengths.length === 0) return undefined;
  const offers = query.plainTcp ? [] : query.alpn;
  const offer = offers.findIndex((protocol) => route.alpn?.includes(protocol) ?? false);
  if (route.alpn !== undefined && offer === -1) return undefined;
  return [
    Math.max(0, ...nameScores),
    route.listeners === undefined ? 0 : 1,
    Math.max(-1, ...prefixLengths),
    route.alpn === undefined ? 0 : offers.length - offer,
  ];
}

function modelNameScore(pattern: string, wildcard: string, name: string): number | undefined {
  if (pattern === name) return 1_000_000;
  if (pattern === '*') return 1;
  const patternLabels = pattern.split('.');
  const nameLabels = name.split('.');
  if (patternLabels.shift() !== '*' || nameLabels.length <= patternLabels.length) return undefined;
  const starLabels = nameLabels.splice(0, nameLabels.length - patternLabels.length);
  if (nameLabels.join() !== patternLabels.join()) return undefined;
  if (wildcard === 'one-label' && starLabels.length !== 1) return undefined;
  return 100 * patternLabels.length + (wildcard === 'one-label' ? 50 : 0);
}

type ParsedAddress = ReturnType<typeof ipaddr.process>;
const parsedAddresses = new Map<string, ParsedAddress>();

/** IPv4 where it is IPv4-mapped. */
function parsedAddress(text: string): ParsedAddress {
  const address = parsedAddresses.get(text) ?? ipaddr.process(text);
  parsedAddresses.set(text, address);
  return address;
}

function modelHolds(source: string, address: string | undefined): boolean {
  if (address === undefined) return false;
  const base = parsedAddress(source.replace(/\/.*/, ''));
  const client = parsedAddress(address);
  return client.kind() === base.kind() && client.match(base, modelLength(source));
}

/** The prefix length, counted within IPv4 for an IPv4-mapped prefix. */
function modelLength(source: string): number {
  const [address = '', length] = source.split('/');
  const isMapped = address.startsWith('::ffff:');
  if (length === undefined) return address.includes(':') && !isMapped ? 128 : 32;
  return Number(length) - (isMapped ? 96 : 0);
}

/** The routes no rule puts behind another, in the list's order. */
export function modelWinners<R extends RouteCriteria>(routes: readonly R[], query: RouteQuery): R[] {
  let winners: R[] = [];
  let best: number[] | undefined;
  for (const route of routes) {
    const precedence = modelPrecedence(route, query);
    if (precedence === undefined) continue;
    const order = best === undefined ? 1 : compare(precedence, best);
    if (order > 0) winners = [route];
    else if (order === 0) winners.push(route);
    if (order > 0) best = precedence;
  }
  return winners;
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [i, value] of a.entries()) {
    if (value !== b[i]) return value - (b[i] ?? 0);
  }
  return 0;
}

/** For each route but the first, the first route before it that some connection ties it with. */
export function modelConflicts(routes: readonly RouteCriteria[]): { first: string; second: string }[] {
  const precedences = probes(routes).map((query) => routes.map((route) => modelPrecedence(route, query)));
  return routes.flatMap((second, j) => {
    const first = routes.slice(0, j).find((_, i) => precedences.some((each) => isTie(each[i], each[j])));
    return first === undefined ? [] : [{ first: first.name, second: second.name }];
  });
}

function isTie(a: readonly number[] | undefined, b: readonly number[] | undefined): boolean {
  return a !== undefined && b !== undefined && compare(a, b) === 0;
}

const labels = ['a', 'b'];
const listenerNames = ['edge', 'inner'];
const protocols = ['h2', 'http/1.1', 'x'];
const addresses = [
  ...['10.0.0.0', '10.0.0.1', '10.0.0.2', '10.0.0.3', '192.0.2.1'],
  ...['2001:db8::', '2001:db8::1', '2001:db8::2'],
];
const otherAddresses = ['::ffff:10.0.0.1', 'fe80::1'];
const prefixes = [
  ...['10.0.0.0/30', '10.0.0.0/31', '10.0.0.2/31', '10.0.0.3/30', '0.0.0.0/0', '::ffff:10.0.0.0/127', '::/0'],
  ...['2001:db8::/127', '2001:db8::/128', '2001:db8::1'],
  ...['10.0.0.0', '10.0.0.1/32', '10.0.0.2', '::ffff:10.0.0.3'],
];

const dottedName = (maxLabels: number) =>
  fc
    .array(fc.constantFrom(...labels), { minLength: 1, maxLength: maxLabels })
    .map((parts) => parts.join('.'));

const pattern = fc.oneof(
  { weight: 3, arbitrary: dottedName(2) },
  { weight: 3, arbitrary: dottedName(2).map((suffix) => `*.${suffix}`) },
  { weight: 1, arbitrary: fc.constant('*') },
);

/** Mostly absent, else a few of the values. */
function criterion<K extends string>(
  key: K,
  value: fc.Arbitrary<string>,
  maxLength: number,
  absentWeight: number,
) {
  return fc.oneof(
    { weight: absentWeight, arbitrary: fc.constant({}) },
    {
      weight: 1,
      arbitrary: fc.array(value, { minLength: 1, maxLength }).map((values) => ({ [key]: values })),
    },
  );
}

const anyCriteria: fc.Arbitrary<Omit<RouteCriteria, 'name'>> = fc
  .tuple(
    fc.constantFrom<RouteCriteria['wildcard']>('any-depth', 'one-label'),
    fc.oneof(
      { weight: 1, arbitrary: fc.constant({}) },
      {
        weight: 6,
        arbitrary: fc.array(pattern, { minLength: 1, maxLength: 3 }).map((serverNames) => ({ serverNames })),
      },
    ),
    criterion('listeners', fc.constantFrom(...listenerNames), 2, 2),
    criterion('sources', fc.constantFrom(...prefixes), 4, 1),
    criterion('alpn', fc.constantFrom(...protocols), 2, 2),
  )
  .map(([wildcard, ...criteria]) => Object.assign({ wildcard }, ...criteria));

/** Routes that overlap a lot. */
export const anyRoutes: fc.Arbitrary<RouteCriteria[]> = fc
  .array(anyCriteria, { minLength: 3, maxLength: 7 })
  .map((routes) => routes.map((criteria, i) => ({ name: `route${i}`, ...criteria })));

export const anyQuery: fc.Arbitrary<RouteQuery> = fc.record({
  serverName: fc.oneof(
    { weight: 6, arbitrary: dottedName(5) },
    { weight: 1, arbitrary: fc.constant(undefined) },
  ),
  alpn: fc.shuffledSubarray(protocols),
  source: fc.constantFrom(...addresses, ...otherAddresses, undefined),
  listener: fc.constantFrom(...listenerNames, 'other'),
  plainTcp: fc.oneof(
    { weight: 6, arbitrary: fc.constant(false) },
    { weight: 1, arbitrary: fc.constant(true) },
  ),
});

/** Connections among which there is one that ties two of the routes, if any connection does. */
function probes(routes: readonly RouteCriteria[]): RouteQuery[] {
  const patterns = new Set(routes.flatMap((route) => route.serverNames ?? []));
  // `z` is in no pattern: what the `*` stands for is then no other pattern's name.
  const names = new Set([...patterns].flatMap((each) => [each.replace('*', 'z'), each.replace('*', 'z.z')]));
  const listeners = routes.some((route) => route.listeners) ? listenerNames : ['other'];
  const sources = routes.some((route) => route.sources) ? addresses : ['192.0.2.1'];
  const offers = routes.some((route) => route.alpn) ? [[], ...protocols.map((each) => [each])] : [[]];
  return [undefined, ...names].flatMap((serverName) =>
    listeners.flatMap((listener) =>
      sources.flatMap((source) =>
        offers.map((alpn) => ({ serverName, listener, source, alpn, plainTcp: false })),
      ),
    ),
  );
}
