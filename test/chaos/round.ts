import { setTimeout as sleep } from 'node:timers/promises';
import type { AccessLine } from '../access-log-file.ts';
import { type Random, seededRandom } from '../tls/random.ts';
import {
  type Accounts,
  accountDifferences,
  accountsOf,
  accountsOfLines,
  liveGauges,
  surplus,
} from './accounts.ts';
import { perform } from './client.ts';
import { drawPlan } from './draw-plan.ts';
import { differences } from './model.ts';
import type { Plan } from './plan.ts';
import { type ChaosProxy, timeouts } from './proxy.ts';
import { Stalls } from './stalls.ts';
import { tcpMemoryShortages } from './tcp-memory.ts';
import { Trial } from './trial.ts';
import { WorkerEnds } from './worker-ends.ts';

interface Disturbance {
  readonly kind: 'reload' | 'nonsense' | 'scrape' | 'kill' | 'drain';
  /** Which of the workers that live then. */
  readonly pick: number;
}

export interface RoundOptions {
  readonly plane: 'native' | 'portable';
  readonly seed: number;
  readonly number: number;
  readonly connections: number;
  /** Whether workers are killed and drained. */
  readonly isViolent: boolean;
}

export interface RoundResult {
  readonly problems: readonly string[];
  readonly outcomes: Readonly<Record<string, number>>;
  readonly endedWorkers: number;
  /**
   * The machine stood still for seconds, and the supervisor took a worker for dead, or the kernel was short of memory for
   * TCP: nothing can be said.
   */
  readonly isUndecided: boolean;
  /** Connections without a line that no killed worker was seen to have: they ended just before it did. */
  readonly unwritten: number;
  /** Connections that a killed worker took with it, or whose accounts it did. */
  readonly lost: number;
}

const atOnce = 48;
const settleMs = 30_000;
const lateLinesMs = 1_000;
/** A worker is taken for dead after ten seconds; the machine is to blame where it stood still for half of them. */
const silentStallMs = 5_000;
/** Rounds have indexes, and so addresses, of their own. */
const mostConnections = 10_000;
const mostWorkers = 12;

/** Some hundred connections, and all their accounts once the last one has ended. */
export class Round {
  readonly #proxy: ChaosProxy;
  readonly #trials: Map<number, Trial>;
  readonly #options: RoundOptions;
  readonly #plans: readonly Plan[];
  readonly #disturbances: ReadonlyMap<number, Disturbance>;
  readonly #own: Trial[] = [];
  readonly #lines = new Map<Trial, AccessLine[]>();
  readonly #problems: string[] = [];
  readonly #stalls = new Stalls();
  readonly #ends: WorkerEnds;

  /** Trials are put into `trials`, where the backends find them. */
  constructor(proxy: ChaosProxy, trials: Map<number, Trial>, options: RoundOptions) {
    this.#proxy = proxy;
    this.#trials = trials;
    this.#options = options;
    this.#ends = new WorkerEnds(proxy, this.#stalls);
    const { seed, number, connections } = options;
    const random = seededRandom(seed * 1_000_003 + number);
    const first = number * mostConnections;
    this.#plans = Array.from({ length: connections }, (_, i) => drawPlan(random, first + i));
    this.#disturbances = this.#drawDisturbances(random);
  }

  async run(): Promise<RoundResult> {
    const { silentWorkers } = this.#proxy;
    const shortages = tcpMemoryShortages();
    const before = accountsOf(await this.#proxy.metrics());
    await this.#carryOut();
    const strangers = await this.#collectLines();
    this.#match(strangers);
    const lines = [...this.#lines.values()].flat();
    this.#problems.push(...(await this.#metricsProblems(before, [...lines, ...strangers])));
    for (const trial of this.#own) this.#trials.delete(trial.plan.index);
    const isSilent = this.#proxy.silentWorkers > silentWorkers;
    this.#stalls.stop();
    const isStalled = isSilent && this.#stalls.longestMs >= silentStallMs;
    const isUndecided = isStalled || tcpMemoryShortages() > shortages;
    if (isSilent) this.#problems.push('a worker gave no sign of life');
    return {
      problems: isUndecided ? [] : this.#problems,
      isUndecided,
      unwritten:
        this.#own.filter((trial) => !this.#lines.has(trial) && !this.#ends.hasTaken(trial)).length -
        strangers.length,
      outcomes: tally(lines.map(({ outcome }) => outcome)),
      endedWorkers: this.#ends.count,
      lost: this.#linesLost - strangers.length,
    };
  }

  #drawDisturbances(random: Random): Map<number, Disturbance> {
    const quiet = ['reload', 'nonsense', 'scrape', 'scrape'] as const;
    const kinds = this.#options.isViolent ? ([...quiet, 'kill', 'drain', 'kill'] as const) : quiet;
    return new Map(
      kinds.map((kind) => [random.below(this.#plans.length), { kind, pick: random.below(mostWorkers) }]),
    );
  }

  async #carryOut(): Promise<void> {
    const disturbed: Promise<void>[] = [];
    let next = 0;
    const takeTurns = async () => {
      for (let i = next++; i < this.#plans.length; i = next++) {
        const disturbance = this.#disturbances.get(i);
        if (disturbance !== undefined) disturbed.push(this.#disturb(disturbance));
        const plan = this.#plans[i];
        if (plan !== undefined) await this.#perform(plan);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, takeTurns));
    await Promise.all(disturbed);
    await this.#ends.drained();
  }

  async #perform(plan: Plan): Promise<void> {
    const trial = new Trial(plan);
    this.#own.push(trial);
    this.#trials.set(plan.index, trial);
    await perform(trial, this.#proxy.port(plan.listener));
  }

  async #disturb({ kind, pick }: Disturbance): Promise<void> {
    try {
      if (kind === 'reload') await this.#proxy.reload();
      else if (kind === 'nonsense') await this.#proxy.reloadNonsense();
      else if (kind === 'scrape') await this.#proxy.metrics();
      else await this.#ends[kind](pick);
    } catch (error) {
      this.#problems.push(`${kind}: ${error}`);
    }
  }

  /** Lines belong to trials by the client's address; returns those that belong to none. */
  async #collectLines(): Promise<AccessLine[]> {
    const byAddress = new Map<string, Trial>();
    for (const trial of this.#own) {
      byAddress.set(trial.plan.address, trial);
      if (trial.plan.source !== undefined) byAddress.set(trial.plan.source, trial);
    }
    const strangers: AccessLine[] = [];
    const take = () => {
      for (const line of this.#proxy.newLines()) {
        const trial = byAddress.get(line.client.slice(0, line.client.lastIndexOf(':')));
        if (trial === undefined) strangers.push(line);
        else this.#lines.set(trial, [...(this.#lines.get(trial) ?? []), line]);
      }
    };
    const missing = () =>
      this.#own.filter((trial) => !this.#lines.has(trial) && !this.#ends.mayHaveTaken(trial)).length;
    const giveUpAt = performance.now() + settleMs;
    for (take(); missing() > strangers.length && performance.now() < giveUpAt; take()) await sleep(20);
    // What should not come would have come by now, and what need not, after a kill.
    await sleep(this.#ends.hasKilled ? lateLinesMs : 200);
    take();
    return strangers;
  }

  #match(strangers: readonly AccessLine[]): void {
    // Of a socket that is reset before it is accepted, the portable plane cannot tell the address.
    const nameless = strangers.filter(
      ({ client }) => client === '0.0.0.0:0' && this.#options.plane === 'portable',
    );
    for (const line of strangers) {
      if (!nameless.includes(line)) this.#problems.push(`a line of nobody: ${JSON.stringify(line)}`);
    }
    const unaccounted: Trial[] = [];
    for (const trial of this.#own) {
      const lines = this.#lines.get(trial) ?? [];
      if (trial.connectedAt === undefined)
        this.#problems.push(`${told(trial)}: ${trial.end} instead of a connection`);
      else if (trial.end === 'HANGS') this.#problems.push(`${told(trial)}: hangs`);
      else if (lines.length > 1) this.#problems.push(`${told(trial)}: ${lines.length} lines`);
      else if (lines.length === 0 && !this.#ends.mayHaveTaken(trial)) unaccounted.push(trial);
      for (const line of lines) this.#compare(trial, line);
    }
    if (unaccounted.length > nameless.length) {
      this.#problems.push(
        ...unaccounted.map(
          (trial) => `${told(trial)}: no line in the access log${this.#ends.toldBeside(trial)}`,
        ),
      );
    }
  }

  #compare(trial: Trial, line: AccessLine): void {
    if (this.#ends.hasTaken(trial)) return;
    const { plane } = this.#options;
    const endedAt = trial.endedAt ?? 0;
    const stalledMs = this.#stalls.msWithin(trial.startedAt, endedAt);
    const wasDrained = this.#ends.mayHaveDrained(trial, line);
    const wrong = differences(trial, line, { plane, timeouts, wasDrained, stalledMs });
    this.#problems.push(...wrong.map((each) => `${told(trial)}: ${each} [${JSON.stringify(line)}]`));
  }

  /** Of connections that a killed worker may have had. */
  get #linesLost(): number {
    return this.#own.filter((trial) => !this.#lines.has(trial)).length;
  }

  /** What the metrics say once they have settled: a worker that is kept from answering is counted as it was. */
  async #metricsProblems(before: Accounts, lines: readonly AccessLine[]): Promise<string[]> {
    const expected = accountsOfLines(lines);
    for (const giveUpAt = performance.now() + settleMs; ; await sleep(50)) {
      const metrics = await this.#proxy.metrics();
      const problems = liveGauges(metrics);
      const counted = accountsOf(metrics);
      // What a killed worker had not yet told is lost, and it may have told of lines that it had not yet written.
      if (!this.#ends.hasKilled) problems.push(...accountDifferences(before, counted, expected));
      else if (surplus(before, counted, expected) > this.#linesLost)
        problems.push(`${surplus(before, counted, expected)} connections counted that nobody made`);
      if (problems.length === 0 || performance.now() > giveUpAt) return problems;
    }
  }
}

/** What it takes to see what the client did. */
function told({
  plan,
  end,
  sentBytes,
  receivedBytes,
  upstreamReceivedBytes,
  upstreamSentBytes,
}: Trial): string {
  const { index, listener, fate, opening, uploadBytes, downBytes, endsFirst, cut, pieceBytes } = plan;
  const what =
    fate.kind === 'forwarded' ? fate.behaviour : fate.kind === 'refused' ? fate.outcome : fate.kind;
  const saw = { end, sentBytes, receivedBytes, upstreamReceivedBytes, upstreamSentBytes };
  const plannedTo = {
    listener,
    what,
    opening: opening.length,
    pieceBytes,
    uploadBytes,
    downBytes,
    endsFirst,
    cut,
  };
  return `connection ${index} ${JSON.stringify(plannedTo)} saw ${JSON.stringify(saw)}`;
}

function tally(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
