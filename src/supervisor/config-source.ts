import type { Snapshot } from '../config/snapshot.ts';

/** Where a configuration is read again. */
export interface ConfigSource {
  /** Its path. */
  readonly file: string;
  /** Never rejects. Problems are lines for people. */
  load(): Promise<
    | { readonly ok: true; readonly snapshot: Snapshot; readonly warnings: readonly string[] }
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
