import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AccessLine, AccessLogFile } from '../access-log-file.ts';
import { parseMetrics, samplesOf } from '../admin/admin-requests.ts';
import { ReloadableProxy } from '../e2e/reloadable-proxy.ts';
import { eventually } from '../e2e/sluice-process.ts';
import { processFacts } from '../process-facts.ts';
import { type Bystander, p99, type Seen } from './bystander.ts';
import type { StageSettings } from './fault.ts';
import type { Held, Waits } from './figures.ts';

export interface StageOptions extends StageSettings {
  readonly plane: string;
  readonly bystander: Bystander;
  /** The address behind `*.faulty.test`. */
  readonly faulty: string;
  /** Of what a fault does at full size. */
  readonly scale: number;
}

const windows = 5;

/** A proxy that a fault is done to, while others go on using it. */
export class Stage {
  readonly plane: string;
  readonly scale: number;
  readonly #proxy: ReloadableProxy;
  readonly #bystander: Bystander;
  readonly #log: AccessLogFile;
  #peak: Held = { descriptors: 0, pssKib: 0 };
  #waits: Waits = { p99QuietMs: Number.NaN };
  readonly failures: string[] = [];

  private constructor(proxy: ReloadableProxy, { plane, scale, bystander }: StageOptions) {
    this.#proxy = proxy;
    this.plane = plane;
    this.scale = scale;
    this.#bystander = bystander;
    this.#log = new AccessLogFile(join(proxy.folder, 'access.log'));
  }

  static async open(options: StageOptions): Promise<Stage> {
    const proxy = await ReloadableProxy.start(configuration(options, 'off'));
    await proxy.reload(configuration(options, join(proxy.folder, 'access.log')));
    options.bystander.callAt(proxy.sluice.port);
    return new Stage(proxy, options);
  }

  get port(): number {
    return this.#proxy.sluice.port;
  }

  /** So many of `full` as this run is to do, and as there are descriptors for. */
  times(full: number): number {
    return Math.max(1, Math.round(full * this.scale));
  }

  /** Before a fault. */
  async lookAtQuiet(windowMs = 200): Promise<void> {
    this.#waits = { ...this.#waits, p99QuietMs: await this.#othersP99Ms(windowMs) };
  }

  /** For a fault, while it stands: what it costs the proxy, and the others. */
  async look(windowMs = 100 + 400 * this.scale): Promise<void> {
    this.note();
    this.#waits = { ...this.#waits, p99DuringMs: await this.#othersP99Ms(windowMs) };
    this.note();
  }

  /** For a fault that comes and goes: others alone and with it, by turns, as what else the machine does is then in both. With it for `totalMs` in all. */
  async lookByTurns(totalMs: number, disturb: (ms: number) => Promise<void>): Promise<void> {
    const quiet: number[] = [];
    const during: number[] = [];
    const windowMs = totalMs / windows;
    for (let i = 0; i < windows; i++) {
      quiet.push(await this.#p99While(sleep(windowMs)));
      during.push(await this.#p99While(disturb(windowMs)));
      this.note();
      await this.noneLive('faulty');
    }
    this.#waits = { ...this.#waits, p99QuietMs: middle(quiet), p99DuringMs: middle(during) };
  }

  /** For a fault that goes as fast as it can: so many connections. */
  async lookFlatOut(count: number, disturb: () => Promise<void>): Promise<void> {
    const startedAt = performance.now();
    const p99Ms = await this.#p99While(disturb());
    const perSecond = (1000 * count) / (performance.now() - startedAt);
    this.#waits = { ...this.#waits, flatOut: { perSecond, p99Ms } };
  }

  /** For a fault, while it stands: what it costs the proxy. */
  note(): void {
    const now = this.holding();
    this.#peak = {
      descriptors: Math.max(now.descriptors, this.#peak.descriptors),
      pssKib: Math.max(now.pssKib, this.#peak.pssKib),
    };
  }

  get seen(): { readonly peak: Held; readonly waits: Waits } {
    return { peak: this.#peak, waits: this.#waits };
  }

  holding(): Held {
    const { sluice } = this.#proxy;
    const all = [sluice.pid, ...sluice.workerPids].map(processFacts);
    return {
      descriptors: all.reduce((sum, { sockets, pipes }) => sum + sockets + pipes, 0),
      pssKib: all.reduce((sum, { pssKib }) => sum + pssKib, 0),
    };
  }

  newLines(): AccessLine[] {
    return this.#log.newLines();
  }

  async metrics(): Promise<ReadonlyMap<string, number>> {
    return parseMetrics(await this.#proxy.ask('GET', '/metrics'));
  }

  /** Resolves when no connection to the upstream is left. */
  async noneLive(upstream: string): Promise<void> {
    await eventually(`no connection to ${upstream}`, async () => {
      const live = Object.entries(samplesOf(await this.metrics(), 'sluice_endpoint_connections_active'));
      return live.every(([labels, count]) => count === 0 || !labels.includes(`upstream="${upstream}"`));
    });
  }

  /** Resolves when nothing more goes down a route. */
  async standsStill(route: string): Promise<void> {
    const series = `sluice_bytes_total{route="${route}",direction="down"}`;
    let before = Number.NaN;
    await eventually(`${route} stands still`, async () => {
      const bytes = (await this.metrics()).get(series) ?? Number.NaN;
      const isStill = bytes === before;
      before = bytes;
      if (!isStill) await sleep(200);
      return isStill;
    });
  }

  /** Workers that died, or anything else that is an error. */
  get complaints(): readonly string[] {
    return this.#proxy.sluice.stderr.filter(
      (line) => !line.startsWith('{') || JSON.parse(line).level === 'error',
    );
  }

  async end(): Promise<void> {
    await this.#proxy.end();
  }

  /** The middle one of a few looks. */
  async #othersP99Ms(windowMs: number): Promise<number> {
    const found: number[] = [];
    for (let i = 0; i < windows; i++) found.push(await this.#p99While(sleep(windowMs)));
    return middle(found);
  }

  async #p99While(passing: Promise<void>): Promise<number> {
    await this.#take();
    await passing;
    return p99((await this.#take()).latenciesMs);
  }

  async #take(): Promise<Seen> {
    const seen = await this.#bystander.take();
    this.failures.push(...seen.failures);
    return seen;
  }
}

function middle(found: readonly number[]): number {
  return found.toSorted((a, b) => a - b)[Math.floor(found.length / 2)] ?? Number.NaN;
}

function configuration(options: StageOptions, access: string): object {
  const { plane, bystander, faulty, helloTimeout = '30s', idle = '60s', halfClosed = '60s' } = options;
  const { connectTimeout = '3s' } = options;
  return {
    workers: 2,
    dataPlane: plane,
    listeners: [{ name: 'edge', address: '127.0.0.1:0', helloTimeout }],
    routes: [
      { name: 'healthy', serverNames: ['*.healthy.test'], upstream: 'healthy' },
      { name: 'faulty', serverNames: ['*.faulty.test'], upstream: 'faulty' },
    ],
    upstreams: {
      healthy: { endpoints: [bystander.address] },
      // What fails again and again is to be asked again and again.
      faulty: { endpoints: [faulty], connectTimeout, connectAttempts: 2, health: { passive: false } },
    },
    timeouts: { idle, halfClosed, drain: '5s' },
    log: { access },
  };
}
