import type { AccessLine } from '../access-log-file.ts';
import { eventually, isRunning } from '../e2e/sluice-process.ts';
import { tcpPeers } from '../process-facts.ts';
import { type ChaosProxy, timeouts } from './proxy.ts';
import type { Stalls } from './stalls.ts';
import type { Trial } from './trial.ts';

/** Times are those of `performance.now`. */
interface Kill {
  readonly stoppedAt: number;
  /** By then what it had was known. */
  readonly at: number;
  /** From when on clients waited for the victim: it may have ended those who left meanwhile just before its end. */
  readonly awaitedSince: number;
  readonly victims: ReadonlySet<string>;
  readonly others: ReadonlySet<string>;
}

/** A line is written within 100 ms, on a busy machine later; of time in which nobody could run nothing counts. */
const soonMs = 1_000;

/** The workers that a round kills and drains, and what may be lost with them. */
export class WorkerEnds {
  readonly #proxy: ChaosProxy;
  readonly #stalls: Stalls;
  readonly #kills: Kill[] = [];
  readonly #drains: { readonly pid: number; readonly at: number }[] = [];
  /** When the last one in each place was told to end: its successor takes over the socket, and who waits there. */
  readonly #lastEnds = new Map<number, number>();
  readonly #leaving = new Set<number>();

  constructor(proxy: ChaosProxy, stalls: Stalls) {
    this.#proxy = proxy;
    this.#stalls = stalls;
  }

  get count(): number {
    return this.#kills.length + this.#drains.length;
  }

  get hasKilled(): boolean {
    return this.#kills.length > 0;
  }

  /** `pick`: which of the workers that live then and have not been picked before. */
  async drain(pick: number): Promise<void> {
    const pid = await this.#pickWorker(pick);
    const at = performance.now();
    this.#drains.push({ pid, at });
    this.#lastEnds.set(this.#proxy.workerStart(pid).place, at);
    process.kill(pid, 'SIGTERM');
  }

  /** Stopped first, so that what it has at its end can be seen. */
  async kill(pick: number): Promise<void> {
    const victim = await this.#pickWorker(pick);
    process.kill(victim, 'SIGSTOP');
    const stoppedAt = performance.now();
    const others = this.#proxy.liveWorkerPids
      .filter((pid) => pid !== victim)
      .flatMap((pid) => [...tcpPeers(pid)]);
    const victims = tcpPeers(victim);
    const at = performance.now();
    const { place, readyAt } = this.#proxy.workerStart(victim);
    const isFresh = this.#isSoonAfter(readyAt, stoppedAt);
    const awaitedSince = (isFresh ? this.#lastEnds.get(place) : undefined) ?? stoppedAt;
    this.#kills.push({ stoppedAt, at, awaitedSince, victims, others: new Set(others) });
    this.#lastEnds.set(place, stoppedAt);
    process.kill(victim, 'SIGKILL');
  }

  /** Whether a killed worker was seen to have the connection. */
  hasTaken({ plan: { address } }: Trial): boolean {
    return this.#kills.some(({ victims }) => victims.has(address));
  }

  /** Whether a killed worker had the connection, or may have ended it and not yet written its line. */
  mayHaveTaken(trial: Trial): boolean {
    if (this.hasTaken(trial)) return true;
    const { connectedAt = 0, endedAt = Number.POSITIVE_INFINITY } = trial;
    return this.#kills.some(({ stoppedAt, at, awaitedSince, others }) => {
      if (others.has(trial.plan.address) || connectedAt > at) return false;
      if (endedAt >= awaitedSince && endedAt <= at) return true;
      return endedAt < stoppedAt ? this.#isSoonAfter(endedAt, stoppedAt) : this.#isSoonAfter(at, endedAt);
    });
  }

  /** Whether a worker that was told to end, and drains once there is another, may have been at the end of its time. */
  mayHaveDrained({ startedAt, endedAt = 0 }: Trial, { durationMs }: AccessLine): boolean {
    // A client that resets is gone before the proxy has passed that on.
    const goneAt = Math.max(endedAt, startedAt + durationMs);
    return this.#drains.some(({ at }) => goneAt - at >= timeouts.drainMs / 2);
  }

  /** Resolves when those that drain are gone, and have written their last lines. */
  async drained(): Promise<void> {
    await eventually('drained workers are gone', () => !this.#drains.some(({ pid }) => isRunning(pid)));
  }

  /** For people: where the connection's time stands to each kill. */
  toldBeside({ connectedAt = Number.NaN, endedAt = Number.NaN }: Trial): string {
    const told = this.#kills.map(({ stoppedAt, awaitedSince }) =>
      [stoppedAt - connectedAt, stoppedAt - endedAt, stoppedAt - awaitedSince].map(Math.round).join(', '),
    );
    return told.length === 0
      ? ''
      : ` (ms before kills that it connected, ended, was waited for: ${told.join('; ')})`;
  }

  #isSoonAfter(from: number, to: number): boolean {
    return to - from - this.#stalls.msWithin(from, to) <= soonMs;
  }

  async #pickWorker(pick: number): Promise<number> {
    const candidates = () => this.#proxy.liveWorkerPids.filter((pid) => !this.#leaving.has(pid));
    await eventually('a worker is alive', () => candidates().length > 0);
    const pids = candidates();
    const pid = pids[pick % pids.length] ?? 0;
    this.#leaving.add(pid);
    return pid;
  }
}
