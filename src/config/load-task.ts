import type { PackedRoutes } from '../routing/packed-routes.ts';
import { compareRoutes, type RouteChanges } from '../routing/route-changes.ts';
import { type LoadedConfig, loadConfig } from './load.ts';

export interface LoadTask {
  readonly file: string;
  /** The routes that are served; undefined: none, and nothing is told of changes. */
  readonly before: PackedRoutes | undefined;
}

type Loaded = LoadedConfig & { readonly ok: true };
export type ReloadedConfig =
  | (Loaded & { readonly routeChanges: RouteChanges })
  | Exclude<LoadedConfig, Loaded>;

const noChanges: RouteChanges = { added: [], removed: [], changed: [] };

/** What runs in a thread of `ConfigLoader`. */
export default function loadTask({ file, before }: LoadTask): ReloadedConfig {
  const loaded = loadConfig({ file });
  if (!loaded.ok) return loaded;
  const { routes } = loaded.snapshot;
  return { ...loaded, routeChanges: before === undefined ? noChanges : compareRoutes(before, routes) };
}
