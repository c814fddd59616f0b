import { readFileSync } from 'node:fs';

/** What the kernel says at one time of how a process's main thread gets to run. */
export interface Schedule {
  readonly atMs: number;
  readonly ranMs: number;
  /** How long it was ready to run and had to wait, until it last began to run. */
  readonly waitedMs: number;
  /** It runs, or waits for a processor. */
  readonly isRunnable: boolean;
}

/** Tells a process that gets no processor time from one that does nothing with it. Linux alone says so. */
export class ProcessorWait {
  readonly #pid: number | undefined;
  #before: Schedule | undefined;

  constructor(pid: number | undefined) {
    this.#pid = pid;
  }

  /** Whether it has mostly waited for a processor since this was last asked; false the first time. */
  isStarved(): boolean {
    const before = this.#before;
    this.#before = readSchedule(this.#pid);
    return before !== undefined && this.#before !== undefined && wasStarved(before, this.#before);
  }
}

/** Whether it was ready to run for more than half of the time in between, and was not let. */
export function wasStarved(before: Schedule, now: Schedule): boolean {
  // A wait that has not ended yet is not counted.
  if (now.isRunnable && now.ranMs === before.ranMs) return true;
  return now.waitedMs - before.waitedMs > (now.atMs - before.atMs) / 2;
}

/** `schedstat`: nanoseconds run, nanoseconds waited; `stat`: a letter for the state after the name in parentheses. */
function readSchedule(pid: number | undefined): Schedule | undefined {
  try {
    const [ranNs = 0, waitedNs = 0] = readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ').map(Number);
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const isRunnable = stat.charAt(stat.lastIndexOf(')') + 2) === 'R';
    return { atMs: performance.now(), ranMs: ranNs / 1e6, waitedMs: waitedNs / 1e6, isRunnable };
  } catch {
    return undefined;
  }
}
