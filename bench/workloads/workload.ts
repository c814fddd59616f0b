import type { Target } from '../running-proxy.ts';
import type { Stage } from '../stage.ts';

/** What one measurement found. What it does not measure is left out. */
export interface Figures {
  /** Of the workload's unit, a second. */
  readonly rate?: number;
  readonly p50Us?: number;
  readonly p99Us?: number;
  readonly p999Us?: number;
  /** Processor time of all the proxy's processes, for one unit. */
  readonly cpuUs?: number;
  readonly instructions?: number;
  /** Processors that the proxy kept busy: with one worker, 1 says that the proxy was the bottleneck. */
  readonly busy?: number;
  readonly userBytes?: number;
  readonly kernelBytes?: number;
  readonly errors: number;
}

export interface Workload {
  readonly name: string;
  readonly title: string;
  /** What an operation is. */
  readonly unit: string;
  /** What subjects are compared by; less is better. */
  readonly cost: 'cpuUs' | 'p50Us' | 'userBytes';
  /** Whether it wants a proxy that has done nothing yet. */
  readonly isFresh?: boolean;
  /** Whether each operation takes the end of a connection, which a proxy has to pass on from either side. */
  readonly endsConnections?: boolean;
  measure(target: Target, stage: Stage): Promise<Figures>;
}
