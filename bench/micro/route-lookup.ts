/**
 * Nanoseconds of processor time per lookup and bytes per name of the route table, for 10, 10,000 and 1,000,000 names.
 * node --expose-gc --import tsx bench/micro/route-lookup.ts
 */
import { packRoutes } from '../../src/routing/pack-routes.ts';
import type { RouteCriteria } from '../../src/routing/route-criteria.ts';
import { RouteTable } from '../../src/routing/route-table.ts';
import { normalizeServerName } from '../../src/routing/server-name.ts';

const lookups = 300_000;
const rounds = 3;
const offered = ['h2', 'http/1.1'];

interface Shape {
  readonly title: string;
  routes(count: number): RouteCriteria[];
  /** The name a client sends for the i-th name of the routes. */
  asked(i: number): string;
}

const shapes: readonly Shape[] = [
  { title: 'exact, one route', routes: (count) => [oneRoute(count, exactName)], asked: exactName },
  { title: 'exact, a route each', routes: (count) => aRouteEach(count, {}), asked: exactName },
  {
    title: 'exact, a route each, one listener',
    routes: (count) => aRouteEach(count, { listeners: ['edge'] }),
    asked: exactName,
  },
  {
    title: 'wildcard, one route',
    routes: (count) => [oneRoute(count, (i) => `*.${exactName(i)}`)],
    asked: (i) => `cdn.${exactName(i)}`,
  },
  {
    title: 'no such name',
    routes: (count) => [oneRoute(count, exactName), oneRoute(count, (i) => `*.w${exactName(i)}`)],
    asked: (i) => `nobody.${exactName(i)}`,
  },
];

/** About 27 characters, as server names on the Internet average. */
function exactName(i: number): string {
  return `shop-${i.toString(36).padStart(5, '0')}.customers.example`;
}

function oneRoute(count: number, name: (i: number) => string): RouteCriteria {
  return {
    name: 'all',
    serverNames: Array.from({ length: count }, (_, i) => name(i)),
    wildcard: 'any-depth',
  };
}

function aRouteEach(count: number, criteria: Partial<RouteCriteria>): RouteCriteria[] {
  return Array.from({ length: count }, (_, i) => ({
    name: `route${i}`,
    serverNames: [exactName(i)],
    wildcard: 'any-depth',
    ...criteria,
  }));
}

/** Names as they come from the wire: flat strings whose hash nobody has computed. */
function freshNames(shape: Shape, count: number): string[] {
  let state = 1;
  return Array.from({ length: lookups }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Buffer.from(shape.asked((state >>> 4) % count)).toString('latin1');
  });
}

/** Processor time: what else the machine does counts less. */
function cpuMsSince(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

/** The median of a few rounds: each on names nobody has hashed yet. */
function nanosecondsPer(shape: Shape, count: number, lookUp: (name: string) => unknown): number {
  const times = Array.from({ length: rounds }, () => {
    const names = freshNames(shape, count);
    globalThis.gc?.();
    const start = process.cpuUsage();
    for (const name of names) lookUp(name);
    return (cpuMsSince(start) * 1e6) / lookups;
  });
  return times.toSorted((a, b) => a - b)[rounds >> 1] ?? Number.NaN;
}

/** Unknown for so few names that the rest of the heap's coming and going outweighs them. */
function perName(bytes: number, count: number): number | undefined {
  return count < 10_000 ? undefined : Math.round(bytes / count);
}

function measure(shape: Shape, count: number): Record<string, string | number | undefined> {
  const start = process.cpuUsage();
  const packed = packRoutes(shape.routes(count));
  const packMs = cpuMsSince(start);
  const table = new RouteTable(packed);
  const find = (serverName: string | undefined) =>
    table.find({ serverName, alpn: offered, source: '192.0.2.7', listener: 'edge', plainTcp: false });
  return {
    shape: shape.title,
    names: count,
    'find, ns': Math.round(nanosecondsPer(shape, count, find)),
    'normalise and find, ns': Math.round(
      nanosecondsPer(shape, count, (raw) => find(normalizeServerName(raw))),
    ),
    'bytes a name': perName(packed.bytes.length, count),
    'pack, ms': Math.round(packMs),
  };
}

if (globalThis.gc === undefined) throw new Error('run with --expose-gc');
console.table(shapes.flatMap((shape) => [10, 10_000, 1_000_000].map((count) => measure(shape, count))));
