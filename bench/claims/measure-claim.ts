import { spreadOf } from '../report/statistics.ts';
import type { Stage } from '../stage.ts';
import type { Claim, ClaimResult } from './claim.ts';

/** A claim that cannot be measured says why. */
export async function measureClaim(claim: Claim, stage: Stage, rounds: number): Promise<ClaimResult> {
  const { name, title, most } = claim;
  try {
    const running = await claim.start(stage);
    try {
      const ratios: number[] = [];
      for (let round = 0; round < rounds; round++) ratios.push(await running.round());
      const measured = spreadOf(ratios);
      return { name, title, most, ...(measured === undefined ? {} : { measured }) };
    } finally {
      await running.stop();
    }
  } catch (error) {
    return { name, title, most, failed: error instanceof Error ? error.message : String(error) };
  }
}
