import { setPriority } from 'node:os';

import type { PackedRoutes } from '../routing/packed-routes.ts';
import { compareRoutes, type RouteChanges } from '../routing/route-changes.ts';
import { type LoadedConfig, loadConfig } from './load.ts';

export interface LoadTask {
  readonly file: string;
  /** The routes that are served. */
  readonly before: PackedRoutes;
}

type Loaded = LoadedConfig & { readonly ok: true };
export type ReloadedConfig =
  | (Loaded & { readonly routeChanges: RouteChanges })
  | Exclude<LoadedConfig, Loaded>;

/** What runs in a thread of `ConfigLoader`. */
export default function loadTask({ file, before }: LoadTask): ReloadedConfig {
  yieldToWorkers();
  const loaded = loadConfig({ file });
  return loaded.ok ? { ...loaded, routeChanges: compareRoutes(before, loaded.snapshot.routes) } : loaded;
}

/** On Linux a priority is a thread's, and 0 means the caller: elsewhere it would be the whole process's. */
function yieldToWorkers(): void {
  if (process.platform === 'linux') setPriority(0, 5);
}
