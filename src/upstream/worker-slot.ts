/** Which of the workers this is: each starts its rounds somewhere else, and has its part of limits that are divided. */
export interface WorkerSlot {
  readonly index: number;
  readonly count: number;
}

/** One worker's part of a limit on the whole proxy: all workers' parts add up to it, and differ by 1 at most. */
export function workerShare(limit: number, worker: WorkerSlot): number {
  return Math.floor(limit / worker.count) + (worker.index < limit % worker.count ? 1 : 0);
}
