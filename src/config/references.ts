import { findRouteConflicts } from '../routing/conflicts.ts';
import { compileEndpoint, compileRoutes } from './compile.ts';
import type { ConfigParts, Part } from './config-parts.ts';
import type { Finding, Path } from './finding.ts';
import { sharedAddresses } from './listen-overlap.ts';
import type { RouteConfig } from './route-schema.ts';
import { nearest, quotedList, show } from './wording.ts';

/** What is wrong between the parts of a configuration, each of them right on its own. */
export function findReferenceProblems(parts: ConfigParts): Finding[] {
  return [
    ...duplicateNames('listeners', parts.listeners ?? []),
    ...duplicateNames('routes', parts.routes),
    ...sharedAddresses(parts),
    ...unknownListeners(parts),
    ...unknownUpstreams(parts),
    ...duplicateEndpoints(parts),
    ...conflictingRoutes(parts.routes),
  ];
}

function duplicateNames(section: 'listeners' | 'routes', parts: readonly Part<unknown>[]): Finding[] {
  const firsts = new Map<string, number>();
  return parts.flatMap(({ name }, i) => {
    if (name === undefined) return [];
    const first = firsts.get(name);
    if (first === undefined) {
      firsts.set(name, i);
      return [];
    }
    const message = `${show(name)} is the name of another of the ${section}; allowed is a name of its own`;
    return [{ path: [section, i, 'name'], message, other: [section, first, 'name'] }];
  });
}

function unknownListeners({ listeners, routes }: ConfigParts): Finding[] {
  if (listeners === undefined) return [];
  const known = new KnownNames('listener', listeners);
  return routes.flatMap((route, i) =>
    route.listeners.flatMap((name, j) => known.check(name, ['routes', i, 'listeners', j])),
  );
}

function unknownUpstreams({ upstreams, routes }: ConfigParts): Finding[] {
  if (upstreams === undefined) return [];
  const known = new KnownNames('upstream', upstreams);
  return routes.flatMap(({ upstream }, i) => known.check(upstream, ['routes', i, 'upstream']));
}

/** Finding the nearest name compares every name: where there are very many it is left out. */
const maxComparisons = 1_000_000;

class KnownNames {
  readonly #what: string;
  readonly #names: ReadonlySet<string>;
  #comparisons = 0;

  constructor(what: string, parts: readonly Part<unknown>[]) {
    this.#what = what;
    this.#names = new Set(parts.flatMap(({ name }) => name ?? []));
  }

  check(name: unknown, path: Path): Finding[] {
    // What is no text the schema has refused.
    if (typeof name !== 'string' || this.#names.has(name)) return [];
    const unknown = `there is no ${this.#what} ${show(name)}`;
    if (this.#names.size === 0)
      return [{ path, message: `${unknown}; allowed are names of which there are none` }];
    const names = [...this.#names];
    const near = this.#nearest(name, names);
    const guess = near === undefined ? 'allowed' : `did you mean ${show(near)}? Allowed`;
    return [{ path, message: `${unknown}; ${guess} are ${quotedList(names)}` }];
  }

  #nearest(name: string, names: readonly string[]): string | undefined {
    this.#comparisons += names.length;
    return this.#comparisons > maxComparisons ? undefined : nearest(name, names);
  }
}

function duplicateEndpoints({ upstreams }: ConfigParts): Finding[] {
  return (upstreams ?? []).flatMap(({ name, value }) => {
    const firsts = new Map<string, number>();
    return (value?.endpoints ?? []).flatMap((endpoint, i) => {
      const identity = JSON.stringify({ ...compileEndpoint(endpoint), weight: undefined });
      const first = firsts.get(identity);
      if (first === undefined) {
        firsts.set(identity, i);
        return [];
      }
      const path = ['upstreams', name ?? '', 'endpoints'];
      const message = 'is the same endpoint as another; allowed is one with a greater weight';
      return [{ path: [...path, i], message, other: [...path, first] }];
    });
  });
}

function conflictingRoutes(parts: readonly Part<RouteConfig>[]): Finding[] {
  const indices = parts.flatMap(({ value }, i) => (value === undefined ? [] : i));
  const routes = compileRoutes(parts.flatMap(({ value }) => value ?? []));
  const indexOf = new Map(routes.map((route, i) => [route, indices[i] ?? 0]));
  return findRouteConflicts(routes).map(({ first, second, why }) => ({
    path: ['routes', indexOf.get(second) ?? 0],
    message: `no connection could tell ${show(second.name)} from ${show(first.name)}: ${why}`,
    other: ['routes', indexOf.get(first) ?? 0],
  }));
}
