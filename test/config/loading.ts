import assert from 'node:assert/strict';

import { loadConfig } from '../../src/config/load.ts';
import { formatProblem } from '../../src/config/problem.ts';
import type { RouteAction, Snapshot } from '../../src/config/snapshot.ts';
import { RouteList } from '../../src/routing/route-list.ts';

/** Each problem of a text as it is printed, `f` for the file. */
export function problemsOf(text: string): string[] {
  const loaded = loadConfig({ text, name: 'f' });
  return loaded.ok ? [] : loaded.problems.map(formatProblem);
}

export function snapshotOf(text: string): Snapshot {
  return usable(text).snapshot;
}

export function routesOf({ routes }: Pick<Snapshot, 'routes'>) {
  return [...new RouteList<RouteAction>(routes)];
}

export function warningsOf(text: string): readonly string[] {
  return usable(text).warnings;
}

function usable(text: string) {
  const loaded = loadConfig({ text, name: 'f' });
  assert.ok(loaded.ok, loaded.ok ? '' : loaded.problems.map(formatProblem).join('\n'));
  return loaded;
}

/** A listener, a route and an upstream: two lines, to put what is tested below. */
export const listener = 'listeners: [{name: edge, address: ":443"}]\n';
export const route = 'routes: [{upstream: shop}]\nupstreams: {shop: {endpoints: ["192.0.2.1:8443"]}}\n';
