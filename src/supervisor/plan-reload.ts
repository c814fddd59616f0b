import { isDeepStrictEqual } from 'node:util';

import type { Snapshot } from '../config/snapshot.ts';
import type { RouteChanges } from '../routing/route-changes.ts';

export interface ReloadPlan {
  /** What will be served: the new configuration, with what only a restart changes as it was. */
  readonly snapshot: Snapshot;
  /** Lines for people. */
  readonly changes: readonly string[];
}

/** Nobody reads more. */
const mostNames = 10;

/** What a reload changes, and what it leaves for a restart. `routes`: what `compareRoutes` has found. */
export function planReload(before: Snapshot, wanted: Snapshot, routes: RouteChanges): ReloadPlan {
  const { workers, dataPlane, user, admin } = before;
  const snapshot: Snapshot = { ...wanted, workers, dataPlane, user, admin };
  const changes = [
    ...compareNamed('listeners', before.listeners, wanted.listeners),
    ...describe('routes', routes),
    ...compareNamed('upstreams', before.upstreams, wanted.upstreams),
    ...liveSettings
      .filter((name) => !isDeepStrictEqual(before[name], wanted[name]))
      .map((name) => `${name} changed`),
    ...restartSettings
      .filter((name) => !isDeepStrictEqual(before[name], wanted[name]))
      .map((name) => `${name} changed: needs a restart, and stays as it is until then`),
  ];
  return { snapshot, changes };
}

const liveSettings = ['limits', 'timeouts', 'log', 'watch'] as const;
const restartSettings = ['workers', 'dataPlane', 'user', 'admin'] as const;

interface Named {
  readonly name: string;
}

function compareNamed(what: string, before: readonly Named[], after: readonly Named[]): string[] {
  // As text: ten times as fast as comparing deeply, and keys come in the same order from the same compiler.
  const old = new Map(before.map((each) => [each.name, JSON.stringify(each)]));
  const added: string[] = [];
  const changed: string[] = [];
  for (const each of after) {
    const text = old.get(each.name);
    old.delete(each.name);
    if (text === undefined) added.push(each.name);
    else if (text !== JSON.stringify(each)) changed.push(each.name);
  }
  return describe(what, { added, removed: [...old.keys()], changed });
}

function describe(what: string, { added, removed, changed }: RouteChanges): string[] {
  return [
    ...line(`${what} added`, added),
    ...line(`${what} removed`, removed),
    ...line(`${what} changed`, changed),
  ];
}

function line(what: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const more = names.length > mostNames ? ` and ${names.length - mostNames} more` : '';
  return [`${what}: ${names.slice(0, mostNames).join(', ')}${more}`];
}
