import type { Outcome } from '../../src/data-plane/outcome.ts';
import type { Stage } from './stage.ts';

/** One thing that goes wrong, done to a proxy many times over. */
export interface Fault {
  readonly name: string;
  /** What the proxy makes of it, for people. */
  readonly promise: string;
  /** How each connection of it may end. */
  readonly outcomes: readonly Outcome[];
  /** Failed dials for each connection, by the reason that they are counted under. */
  readonly failedDials?: Readonly<Record<string, number>>;
  readonly settings?: StageSettings;
  /** Opens the upstream that this is about, for `*.faulty.test`. */
  readonly upstream?: () => Promise<FaultyUpstream>;
  /** Does it. Resolves with the number of connections made, once they have all ended or will end by themselves. */
  readonly run: (stage: Stage) => Promise<number>;
}

export interface StageSettings {
  readonly helloTimeout?: string;
  readonly idle?: string;
  readonly halfClosed?: string;
  readonly connectTimeout?: string;
}

export interface FaultyUpstream {
  readonly address: string;
  close(): Promise<void>;
}

/** What this system does not let the suite do. */
export class NotPermitted extends Error {}
