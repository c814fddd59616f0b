import { spawnSync } from 'node:child_process';

import type { DataPlane } from './data-plane.ts';

/**
 * What V8's garbage collector should know of the portable plane.
 *
 * - Objects are not set apart as old from the start where others made at the same place lived long. For those of a
 *   connection that is wrong: old ones hold all that they point to, and most of what ended connections leave then
 *   outlives several collections.
 * - Below 64 MB the whole heap is not gone through. Each read brings memory of its own, of which V8 lets 32 MB come
 *   together before it frees any, and which it adds to what is old: more than a worker's heap, which is 8 MB, may grow by.
 */
const portableOptions = ['--no-allocation-site-pretenuring', '--initial-old-space-size=64'];

/**
 * What each collection frees of those 32 MB is wanted again at once. By itself glibc gives it back to the kernel, which
 * then clears every page anew: a quarter of a million page faults a GiB. Other C libraries do not read this.
 */
const portableVariables = { MALLOC_TRIM_THRESHOLD_: String(64 << 20) };

/** Options for the Node.js of a worker with such a plane, as far as this Node.js knows them. Waits some 3 ms for each. */
export function nodeOptions(
  kind: DataPlane['kind'],
  forPortable: readonly string[] = portableOptions,
): string[] {
  return kind === 'portable' ? forPortable.filter(isKnown) : [];
}

/** Environment variables for a worker with such a plane, but for those that are `set` otherwise. */
export function variables(
  kind: DataPlane['kind'],
  set: NodeJS.ProcessEnv = process.env,
): Readonly<Record<string, string>> {
  if (kind !== 'portable') return {};
  return Object.fromEntries(Object.entries(portableVariables).filter(([name]) => set[name] === undefined));
}

/** With an option that it does not know, Node.js would not start. */
function isKnown(option: string): boolean {
  return spawnSync(process.execPath, [option, '--version'], { stdio: 'ignore' }).status === 0;
}
