import type { Claim } from './claim.ts';
import { accessLog, manyNames } from './connection-cost.ts';
import { newConnections, reload, scrape } from './undisturbed.ts';
import { evenWorkers, twoWorkers } from './workers.ts';

/** `names`: how many are many. */
export function claimsWith(names: number): readonly Claim[] {
  return [scrape, reload, newConnections, accessLog, ...manyNames(names), twoWorkers, evenWorkers];
}
