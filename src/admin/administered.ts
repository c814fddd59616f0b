import type { Snapshot } from '../config/snapshot.ts';
import type { ProxyStatus } from '../supervisor/proxy-report.ts';
import type { LiveConnection } from '../telemetry/live-connection.ts';
import type { ProxyMetrics } from '../telemetry/render-metrics.ts';

/** What the admin server shows and steers. `Supervisor` is one. */
export interface Administered {
  readonly isReady: boolean;
  readonly isStopping: boolean;
  /** How often the program has been replaced while it served. */
  readonly generation: number;
  /** Undefined while starting, as are metrics and status. */
  readonly snapshot: Snapshot | undefined;
  /** Calls with the metrics of now, which hold until it settles. */
  metrics<Result>(use: (metrics: ProxyMetrics) => Promise<Result>): Promise<Result | undefined>;
  status(): Promise<ProxyStatus | undefined>;
  connections(limitPerWorker: number): Promise<LiveConnection[]>;
  /** Absent: it cannot. */
  reload?(): Promise<ReloadResult>;
  /** Absent: it cannot. */
  restartWorkers?(): Promise<RestartResult>;
}

/** Process ids. `problem`: why not every worker was replaced. */
export interface RestartResult {
  readonly replaced: readonly {
    readonly index: number;
    readonly before: number | undefined;
    readonly now: number | undefined;
  }[];
  readonly problem: string | undefined;
}

/** Lines for people: what changed, or every problem of the new configuration, which is then not taken over. */
export type ReloadResult =
  | { readonly ok: true; readonly changes: readonly string[] }
  | { readonly ok: false; readonly problems: readonly string[] };

/** The new process; or one line for each reason why the present one stays. */
export type UpgradeResult =
  | { readonly ok: true; readonly pid: number | undefined }
  | { readonly ok: false; readonly problems: readonly string[] };
