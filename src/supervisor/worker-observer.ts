import type { MetricsReport } from '../telemetry/metrics-report.ts';

/** What the supervisor hears of one worker. `exited` and `silent` come once, in any order. */
export interface WorkerObserver {
  ready(): void;
  failed(problem: string): void;
  leaving(): void;
  ejection(upstream: string, endpoint: string, why: string | undefined): void;
  reported(report: MetricsReport): void;
  /** It has not answered for long, for want of processor time. */
  starved(silentMs: number): void;
  /** It answers nothing any more, and is killed. */
  stuck(silentMs: number): void;
  exited(exit: WorkerExit): void;
  /** Whatever it had still to say has been heard. */
  silent(): void;
}

export interface WorkerExit {
  /** `exit code 1`, `SIGKILL`, `SIGKILL: no sign of life`. */
  readonly how: string;
  readonly livedMs: number;
}
