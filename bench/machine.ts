import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem } from 'node:os';

/** Which processors the proxy has, and which the rest: `taskset` lists. Undefined: whichever the kernel gives. */
export interface Placement {
  readonly proxy: string | undefined;
  readonly load: string | undefined;
}

export const anywhere: Placement = { proxy: undefined, load: undefined };

/** The proxy's workers get processors of their own, where there is at least one left for the load. */
export function placementFor(workers: number): Placement {
  const count = availableParallelism();
  const canPin = spawnSync('taskset', ['-p', String(process.pid)]).status === 0;
  if (!canPin || workers >= count) return anywhere;
  return { proxy: list(0, workers - 1), load: list(workers, count - 1) };
}

function list(first: number, last: number): string {
  return first === last ? String(first) : `${first}-${last}`;
}

/** The command, on these processors alone. */
export function pinned(processors: string | undefined, command: readonly string[]): readonly string[] {
  return processors === undefined ? command : ['taskset', '-c', processors, ...command];
}

/** The command, ahead of all that has no real-time priority (sched(7)), which takes the right to say so. */
export function ahead(command: readonly string[]): readonly string[] {
  return ['chrt', '--fifo', '1', ...command];
}

/** A process and its threads, to these processors alone. */
export function move(pid: number, processors: string): void {
  const { status, stderr } = spawnSync('taskset', ['-acp', processors, String(pid)], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`taskset: ${stderr.trim()}`);
}

export function describeMachine(): Readonly<Record<string, string | number>> {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    processors: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    congestionControl: readFileSync('/proc/sys/net/ipv4/tcp_congestion_control', 'utf8').trim(),
    node: process.version,
    distribution: /^PRETTY_NAME="(.*)"/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'unknown',
  };
}
