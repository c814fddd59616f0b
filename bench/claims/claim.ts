import type { Spread } from '../report/statistics.ts';
import type { Stage } from '../stage.ts';

/** Something the native plane promises of itself, as a ratio of two measurements. */
export interface Claim {
  readonly name: string;
  readonly title: string;
  /** What the ratio may be at most. */
  readonly most: number;
  /** Starts what it needs. */
  start(stage: Stage): Promise<RunningClaim>;
}

export interface RunningClaim {
  /** The ratio, measured once. */
  round(): Promise<number>;
  stop(): Promise<void>;
}

export interface ClaimResult {
  readonly name: string;
  readonly title: string;
  readonly most: number;
  readonly measured?: Spread;
  readonly failed?: string;
}
