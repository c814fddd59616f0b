import type { Snapshot } from '../config/snapshot.ts';
import type { PackedRoutes } from '../routing/packed-routes.ts';
import type { RouteChanges } from '../routing/route-changes.ts';

/** Where a configuration is read again. */
export interface ConfigSource {
  /** Its path. */
  readonly file: string;
  /** `versionOf` it before it was read for the start. */
  readonly version: string;
  /** Never rejects. Problems are lines for people. `before`: the routes that are served. */
  load(before: PackedRoutes): Promise<
    | {
        readonly ok: true;
        readonly snapshot: Snapshot;
        readonly routeChanges: RouteChanges;
        readonly warnings: readonly string[];
      }
    | { readonly ok: false; readonly problems: readonly string[] }
  >;
}

/** Lines for people: what changed, or every problem, and then nothing has changed. */
export type Reload =
  | { readonly ok: true; readonly changes: readonly string[]; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly problems: readonly string[] };

export function refused(problem: string): Reload {
  return { ok: false, problems: [problem] };
}
