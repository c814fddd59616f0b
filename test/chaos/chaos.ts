import { type ProcessFacts, tcpSockets } from '../process-facts.ts';
import { Backends } from './backends.ts';
import { behaviours } from './behaviours.ts';
import { ChaosProxy } from './proxy.ts';
import { Round, type RoundResult } from './round.ts';
import type { Trial } from './trial.ts';

export interface ChaosOptions {
  readonly plane: 'native' | 'portable';
  readonly seed: number;
  readonly connectionsPerRound: number;
  /** Asked before each round: whether there is to be another. */
  readonly goesOn: (roundsDone: number) => boolean;
  readonly onRound?: (number: number, result: RoundResult) => void;
}

export interface ChaosResult {
  readonly problems: readonly string[];
  readonly rounds: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly endedWorkers: number;
  readonly lost: number;
  readonly undecidedRounds: number;
  /** Of those lost: ended just before their worker, which had not yet written of them. */
  readonly unwritten: number;
  /** After the first round, and after the last. */
  readonly pssKib: readonly [first: number, last: number];
}

const workers = 2;
/** A worker may keep the pipes it has made, and memory comes back late if at all. */
const mostGrowth = 1.25;
const mostGrowthKib = 24 * 1024;
/** One round in so many: more say nothing of the proxy. */
const mostUndecided = 10;

/** Runs rounds against one proxy until nobody wants more; every second one kills and drains workers. */
export async function chaos(options: ChaosOptions): Promise<ChaosResult> {
  const trials = new Map<number, Trial>();
  const backends = await Backends.start(behaviours, trials);
  const proxy = await ChaosProxy.start(options.plane, workers, backends);
  try {
    return await rounds(proxy, trials, options);
  } finally {
    await proxy.end();
    await backends.close();
  }
}

async function rounds(
  proxy: ChaosProxy,
  trials: Map<number, Trial>,
  options: ChaosOptions,
): Promise<ChaosResult> {
  const { plane, seed, connectionsPerRound: connections, goesOn, onRound } = options;
  const problems: string[] = [];
  const outcomes: Record<string, number> = {};
  const idle = proxy.facts();
  let warm = idle;
  let endedWorkers = 0;
  let lost = 0;
  let undecidedRounds = 0;
  let unwritten = 0;
  let number = 0;
  for (; goesOn(number); number++) {
    const round = new Round(proxy, trials, { plane, seed, number, connections, isViolent: number % 2 === 1 });
    const result = await round.run();
    endedWorkers += result.endedWorkers;
    lost += result.lost;
    unwritten += result.unwritten;
    if (result.isUndecided) undecidedRounds += 1;
    await proxy.ready();
    problems.push(...result.problems.map((problem) => `round ${number}: ${problem}`));
    for (const [outcome, count] of Object.entries(result.outcomes))
      outcomes[outcome] = (outcomes[outcome] ?? 0) + count;
    const left = await leaks(proxy, idle.workers[0]?.sockets ?? 0, channels(idle.supervisor));
    problems.push(...left.map((problem) => `after round ${number}: ${problem}`));
    if (number === 0) warm = proxy.facts();
    onRound?.(number, result);
  }
  if (undecidedRounds * mostUndecided > number)
    problems.push(`${undecidedRounds} of ${number} rounds are undecided`);
  const last = proxy.facts();
  const pssKib = [totalPss(warm), totalPss(last)] as const;
  if (pssKib[1] > pssKib[0] * mostGrowth + mostGrowthKib)
    problems.push(`memory grew from ${pssKib[0]} to ${pssKib[1]} KiB`);
  const { code, complaints } = await proxy.stop();
  if (code !== 0) problems.push(`ended with the code ${code}`);
  problems.push(
    ...complaints.filter(
      (line) => !/is replaced|not reloaded|no sign of life|dies again and again/.test(line),
    ),
  );
  return { problems, rounds: number, outcomes, endedWorkers, lost, undecidedRounds, unwritten, pssKib };
}

/** Sockets of refused clients linger for a second. */
async function leaks(proxy: ChaosProxy, idleSockets: number, idleChannels: number): Promise<string[]> {
  let found: string[] = [];
  for (const giveUpAt = performance.now() + 15_000; performance.now() < giveUpAt; await pause()) {
    const { supervisor, workers: all } = proxy.facts();
    found = all
      .filter(({ sockets }) => sockets > idleSockets)
      .map(
        ({ pid, sockets }) =>
          `a worker has ${sockets} sockets open, ${idleSockets} when idle: ${tcpSockets(pid).join(', ')}`,
      );
    if (channels(supervisor) > idleChannels)
      found.push(
        `the supervisor has ${channels(supervisor)} sockets and pipes open, ${idleChannels} when idle`,
      );
    if (found.length === 0) break;
  }
  return found;
}

/** Without files: tsx leaves some open in every thread that it loads. */
function channels({ sockets, pipes }: ProcessFacts): number {
  return sockets + pipes;
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 50));
}

function totalPss({
  supervisor,
  workers: all,
}: {
  supervisor: ProcessFacts;
  workers: readonly ProcessFacts[];
}): number {
  return [supervisor, ...all].reduce((sum, { pssKib }) => sum + pssKib, 0);
}
