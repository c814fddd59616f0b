import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type AccessLine, AccessLogFile } from '../access-log-file.ts';
import { parseMetrics } from '../admin/admin-requests.ts';
import { assertLogged, type Counted, countedIn, missing, sum } from './operations-accounts.ts';
import { OperationsLoad, type Visit } from './operations-load.ts';
import { ReloadableProxy } from './reloadable-proxy.ts';
import { eventually } from './sluice-process.ts';
import { stopAndListClients } from './worker-sockets.ts';

export interface StageOptions {
  readonly plane: 'native' | 'portable';
  /** An echo. */
  readonly endpoint: string;
  readonly callers: number;
  readonly streams: number;
}

/** A proxy under load, what is done to it, and what it says of it. */
export class Stage {
  readonly #options: StageOptions;
  readonly #folder: string;
  readonly #proxy: ReloadableProxy;
  readonly #port: number;
  /** Of all loads that have ended. */
  readonly visits: Visit[] = [];
  readonly #lines: AccessLine[] = [];
  readonly #owned = new Set<string>();
  readonly #recent = new Set<string>();
  #log: AccessLogFile;

  private constructor(options: StageOptions, folder: string, proxy: ReloadableProxy) {
    this.#options = options;
    this.#folder = folder;
    this.#proxy = proxy;
    this.#port = proxy.sluice.port;
    this.#log = new AccessLogFile(join(folder, 'first.log'));
  }

  static async open(options: StageOptions): Promise<Stage> {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-operations-'));
    const proxy = await ReloadableProxy.start(config(options, join(folder, 'first.log'), 0));
    return new Stage(options, folder, proxy);
  }

  async close(): Promise<void> {
    await this.#proxy.end();
    await rm(this.#folder, { recursive: true });
  }

  /** Does something under a load of its own, and has it end. */
  async underLoad(act: (load: OperationsLoad) => Promise<void>): Promise<void> {
    const { callers, streams } = this.#options;
    const load = new OperationsLoad(this.#port, streams);
    await eventually('every stream lives', () => load.liveStreams === streams);
    load.open(callers);
    await eventually('the loop turns', () => load.visits.length >= callers);
    await act(load);
    const before = load.visits.length;
    await eventually('the loop still turns', () => load.visits.length >= before + callers);
    await load.close();
    await load.endStreams();
    this.visits.push(...load.visits);
  }

  async reload(turn: number): Promise<void> {
    await this.#proxy.write(config(this.#options, join(this.#folder, 'first.log'), turn));
    const answer = JSON.parse(await this.#proxy.ask('POST', '/reload'));
    assert.ok(answer.changes?.length > 0, JSON.stringify(answer));
  }

  async restartWorkers(): Promise<void> {
    const answer = JSON.parse(await this.#proxy.ask('POST', '/restart-workers'));
    assert.equal(answer.replaced?.length, 2, JSON.stringify(answer));
  }

  /** Kills a worker with all that it owns. What it had told until now has been heard. */
  async kill(load: OperationsLoad, turn: number): Promise<void> {
    const { sluice } = this.#proxy;
    const toldAt = performance.now();
    const told = [...this.visits, ...load.visits];
    await this.counted();
    await eventually('what has ended is in the log', () => {
      this.#readLog();
      return missing(told, this.#lines).every(({ client }) => this.#isExcused(client));
    });

    const ready = sluice.log.filter(({ msg }) => msg === 'worker ready').length;
    const victim = sluice.workerPids[turn % 2] ?? 0;
    for (const client of await stopAndListClients(victim, this.#port)) this.#owned.add(client);
    process.kill(victim, 'SIGKILL');
    const killedAt = performance.now();
    await sluice.logged('worker ready', ready + 1);
    const callers = this.#options.callers;
    const before = load.visits.length;
    await eventually('the loop turns', () => load.visits.length >= before + callers);
    for (const { client, startedAt, endedAt } of load.visits) {
      if (endedAt >= toldAt && startedAt <= killedAt) this.#recent.add(client);
    }
  }

  /** From here on another log is written, by another process. */
  async upgrade(): Promise<void> {
    const log = join(this.#folder, 'second.log');
    await this.#proxy.write(config(this.#options, log, 0));
    const { code, stderr } = await this.#proxy.command('upgrade');
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  }

  /** The process that was upgraded has gone by itself: what the new one says, and what is in its log. */
  async successor(): Promise<{ counted: Counted; lines: readonly AccessLine[] }> {
    assert.deepEqual(await this.#proxy.sluice.gone, { code: 0, signal: null });
    this.#readLog();
    const log = new AccessLogFile(join(this.#folder, 'second.log'));
    const lines: AccessLine[] = [];
    await eventually('every connection is in a log', () => {
      lines.push(...log.newLines());
      return this.#lines.length + lines.length + this.#lost() >= this.visits.length;
    });
    this.#lines.push(...lines);
    return { counted: await this.counted(), lines };
  }

  async counted(): Promise<Counted> {
    return countedIn(parseMetrics(await this.#proxy.ask('GET', '/metrics')));
  }

  /** One line for each connection that has ended but those that a killed worker had; resolves when they are written. */
  async assertLogged(): Promise<void> {
    const unexplained = () => {
      this.#readLog();
      return missing(this.visits, this.#lines).filter(({ client }) => !this.#isExcused(client));
    };
    const isComplete = eventually('every connection is in the log', () => unexplained().length === 0);
    await isComplete.catch(() => assert.deepEqual(unexplained(), []));
    assertLogged(this.visits, this.#lines, { owned: this.#owned, recent: this.#recent });
  }

  /** How many connections failed: all of them killed workers'. */
  get failures(): number {
    return this.visits.filter(({ end }) => end !== 'ok').length;
  }

  /** How many connections a killed worker may have left uncounted. */
  get excused(): number {
    return this.visits.filter(({ client }) => this.#isExcused(client)).length;
  }

  get made(): Omit<Counted, 'restarts'> {
    const bytes = sum(this.visits.map((visit) => visit.bytes));
    return { connections: this.visits.length, up: bytes, down: bytes };
  }

  #lost(): number {
    return missing(this.visits, this.#lines).filter(({ client }) => this.#isExcused(client)).length;
  }

  #isExcused(client: string): boolean {
    return this.#owned.has(client) || this.#recent.has(client);
  }

  #readLog(): void {
    this.#lines.push(...this.#log.newLines());
  }
}

/** Each turn changes listeners, their settings, routes and limits. */
function config({ plane, endpoint }: StageOptions, access: string, turn: number): object {
  return {
    workers: 2,
    dataPlane: plane,
    listeners: [
      { name: 'edge', address: '127.0.0.1:0', helloTimeout: `${60 + turn}s` },
      ...(turn % 2 === 1 ? [{ name: 'other', address: '127.0.0.1:0' }] : []),
    ],
    routes: [{ name: turn % 2 === 1 ? 'odd' : 'even', upstream: 'shop' }],
    upstreams: { shop: { endpoints: [endpoint] } },
    limits: turn % 3 === 1 ? { maxConnectionsPerSource: 10_000 } : {},
    timeouts: { drain: '10m' },
    log: { access },
  };
}
