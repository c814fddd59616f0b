import { setTimeout as wait } from 'node:timers/promises';

import { type Command, Option } from 'commander';

import { type AdminTarget, askAdminText, registerAdminCommand } from './admin-client.ts';
import { CommandFailure } from './command-failure.ts';
import { TerminalScreen } from './terminal-screen.ts';
import { readCounts, type TopCounts, topMetricsPath } from './top-counts.ts';
import { type TopSort, topFrame, topSorts } from './top-frame.ts';
import { ratesBetween, type TopRates } from './top-rates.ts';

interface TopFlags {
  readonly admin: AdminTarget;
  readonly sort: TopSort;
  readonly once?: boolean;
}

const refreshMs = 1_000;
const pipeColumns = 120;

/** `sluice top`: what goes through a running proxy at the moment. */
export function registerTop(program: Command): void {
  registerAdminCommand(program, 'top', 'show live rates of routes and endpoints of a running proxy')
    .description(
      'Shows what goes through a running proxy, by the second: connections that end, bytes, refusals and resets by route; ' +
        'live connections and failed dials by endpoint. Keys change the order, q ends it.',
    )
    .addOption(
      new Option('--sort <order>', 'what routes are sorted by').choices(topSorts).default('connections'),
    )
    .option('--once', 'print the rates of one second and end, as without a terminal')
    .action(async ({ admin, sort, once }: TopFlags) => {
      const { stdin, stdout } = process;
      if (once === true || !stdout.isTTY) await printOnce(admin, sort);
      else await new Top(admin, sort, new TerminalScreen(stdin, stdout)).run();
    });
}

async function printOnce(admin: AdminTarget, sort: TopSort): Promise<void> {
  const before = await takeCounts(admin);
  await wait(refreshMs);
  const rates = ratesBetween(before, await takeCounts(admin));
  const columns = process.stdout.columns || pipeColumns;
  const view = { admin: admin.shown, sort, skipped: 0, columns, lines: undefined, isStyled: false };
  process.stdout.write(
    `${topFrame(rates, { ...view, problem: undefined, time: timeOf(new Date()) }).join('\n')}\n`,
  );
}

async function takeCounts(admin: AdminTarget): Promise<TopCounts> {
  const { ok, text } = await askAdminText(admin, 'GET', topMetricsPath);
  if (!ok) throw new CommandFailure(`sluice: ${admin.shown} has no metrics to show yet`);
  return readCounts(text, performance.now());
}

const sortKeys: Readonly<Record<string, TopSort>> = {
  c: 'connections',
  b: 'bytes',
  u: 'up',
  d: 'down',
  e: 'errors',
  n: 'name',
};
const quitKeys: ReadonlySet<string> = new Set(['q', 'Q', '\x03', '\x04']);
/** Several keys may come at once. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: keys send them.
const oneKey = /\x1b\[[\d;]*[A-Za-z~]|./gsu;
/** Arrows and pages; k and j as in vi. */
const scrollKeys: Readonly<Record<string, number>> = {
  '\x1b[A': -1,
  '\x1b[B': 1,
  k: -1,
  j: 1,
  '\x1b[5~': -10,
  '\x1b[6~': 10,
};

/** The live display, from the first question to the last key. */
class Top {
  readonly #admin: AdminTarget;
  readonly #screen: TerminalScreen;
  readonly #end = new AbortController();
  #sort: TopSort;
  #skipped = 0;
  #isPaused = false;
  #rates: TopRates | undefined;
  #problem: string | undefined;
  #time = '';

  constructor(admin: AdminTarget, sort: TopSort, screen: TerminalScreen) {
    this.#admin = admin;
    this.#sort = sort;
    this.#screen = screen;
  }

  /** Resolves when somebody has asked for the end; the terminal is as before then. */
  async run(): Promise<void> {
    let before = await takeCounts(this.#admin);
    const end = () => this.#end.abort();
    process.once('SIGTERM', end).once('SIGINT', end).once('SIGHUP', end);
    this.#screen.open(
      (sent) => {
        for (const key of sent.match(oneKey) ?? []) this.#key(key);
      },
      () => this.#show(),
    );
    try {
      this.#take(before, before);
      while (await this.#nextTurn()) {
        if (this.#isPaused) continue;
        const now = await this.#ask();
        if (now !== undefined) this.#take(before, now);
        before = now ?? before;
        this.#show();
      }
    } finally {
      this.#screen.close();
      process.off('SIGTERM', end).off('SIGINT', end).off('SIGHUP', end);
    }
  }

  async #nextTurn(): Promise<boolean> {
    await wait(refreshMs, undefined, { signal: this.#end.signal }).catch(() => {});
    return !this.#end.signal.aborted;
  }

  /** A proxy that does not answer may be about to be started again. */
  async #ask(): Promise<TopCounts | undefined> {
    try {
      const counts = await takeCounts(this.#admin);
      this.#problem = undefined;
      return counts;
    } catch (error) {
      this.#problem = error instanceof Error ? error.message.replace(/^sluice: /, '') : String(error);
      return undefined;
    }
  }

  #take(before: TopCounts, now: TopCounts): void {
    this.#rates = ratesBetween(before, now);
    this.#time = timeOf(new Date());
    this.#show();
  }

  #key(sent: string): void {
    if (quitKeys.has(sent)) this.#end.abort();
    this.#sort = sortKeys[sent] ?? this.#sort;
    if (sent === ' ') this.#isPaused = !this.#isPaused;
    const last = Math.max(0, (this.#rates?.routes.length ?? 0) - 1);
    this.#skipped = Math.min(last, Math.max(0, this.#skipped + (scrollKeys[sent] ?? 0)));
    this.#show();
  }

  #show(): void {
    if (this.#rates === undefined) return;
    const { columns, lines } = this.#screen;
    const isStyled = (process.env['NO_COLOR'] ?? '') === '';
    this.#screen.show(
      topFrame(this.#rates, {
        admin: this.#admin.shown,
        sort: this.#sort,
        skipped: this.#skipped,
        columns,
        lines,
        isStyled,
        problem: this.#problem,
        time: this.#isPaused ? `${this.#time} paused` : this.#time,
      }),
    );
  }
}

function timeOf(date: Date): string {
  return date.toTimeString().slice(0, 8);
}
