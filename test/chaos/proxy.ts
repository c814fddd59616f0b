import { join } from 'node:path';
import { type AccessLine, AccessLogFile } from '../access-log-file.ts';
import { parseMetrics } from '../admin/admin-requests.ts';
import { ReloadableProxy } from '../e2e/reloadable-proxy.ts';
import { eventually, isRunning } from '../e2e/sluice-process.ts';
import { type ProcessFacts, processFacts } from '../process-facts.ts';
import type { Backends } from './backends.ts';
import { type Behaviour, behaviours } from './behaviours.ts';
import { maxHelloBytes } from './fate.ts';
import type { ListenerName } from './plan.ts';

export interface Timeouts {
  readonly helloMs: Readonly<Record<ListenerName, number>>;
  readonly idleMs: number;
  readonly halfClosedMs: number;
  readonly connectMs: number;
  readonly drainMs: number;
  /** What a refused client gets to see its answer. */
  readonly lingerMs: number;
}

export const timeouts: Timeouts = {
  helloMs: { edge: 10_000, hasty: 400, trusting: 1_500 },
  idleMs: 2_000,
  halfClosedMs: 10_000,
  connectMs: 250,
  drainMs: 10_000,
  lingerMs: 900,
};

/** As far as reloads change it. */
interface Configuration {
  readonly routes: readonly object[];
  readonly upstreams: Readonly<Record<string, object>>;
  readonly [key: string]: unknown;
}

/** A proxy in front of the backends, with its accounts: the access log and the metrics. */
export class ChaosProxy {
  readonly #proxy: ReloadableProxy;
  readonly #config: Configuration;
  readonly #log: AccessLogFile;
  #reloads = 0;
  /** The file is written by one at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(proxy: ReloadableProxy, config: Configuration) {
    this.#proxy = proxy;
    this.#config = config;
    this.#log = new AccessLogFile(accessLogOf(proxy));
  }

  static async start(plane: string, workers: number, backends: Backends): Promise<ChaosProxy> {
    const config = configuration(plane, workers, backends);
    const proxy = await ReloadableProxy.start(config);
    // A log of its own folder, which is known only now.
    const chaos = new ChaosProxy(proxy, { ...config, log: { access: accessLogOf(proxy) } });
    await proxy.sluice.logged('serving', 3);
    await chaos.reload();
    return chaos;
  }

  port(listener: ListenerName): number {
    const line = this.#proxy.sluice.log.find((each) => each.msg === 'serving' && each.listener === listener);
    return Number(/:(\d+)$/.exec(line?.address ?? '')?.[1]);
  }

  get supervisorPid(): number {
    return this.#proxy.sluice.pid;
  }

  get liveWorkerPids(): readonly number[] {
    return this.#proxy.sluice.workerPids.filter(isRunning);
  }

  /** Which of the workers that one is, and when it was ready, on `performance.now`'s clock. */
  workerStart(pid: number): { readonly place: number; readonly readyAt: number } {
    const line = this.#proxy.sluice.log.find((each) => each.msg === 'worker ready' && each.workerPid === pid);
    const agoMs = Date.now() - Date.parse(line?.time ?? '');
    return { place: line?.worker ?? 0, readyAt: performance.now() - agoMs };
  }

  /** A configuration that differs from the last one, but means the same for every connection. */
  reload(): Promise<void> {
    this.#reloads += 1;
    const mark = `reload-${this.#reloads}.example`;
    const connectAttempts = 2 + (this.#reloads % 2);
    const config = {
      ...this.#config,
      routes: [...this.#config.routes, { serverNames: [mark], reject: 'access_denied' }],
      upstreams: mapValues(this.#config.upstreams, (upstream) => ({ ...upstream, connectAttempts })),
    };
    return this.#reloadWith(config, mark);
  }

  /** One that must be refused, and change nothing. */
  reloadNonsense(): Promise<void> {
    return this.#reloadWith({ ...this.#config, nonsense: true }, 'nonsense');
  }

  /** `mark`: what the answer has to speak of. */
  #reloadWith(config: object, mark: string): Promise<void> {
    const reloaded = this.#turn.then(async () => {
      const answer = await this.#proxy.reload(config);
      if (!answer.some((line) => line.includes(mark)))
        throw new Error(`no word of ${mark}: ${answer.join('; ')}`);
    });
    this.#turn = reloaded.catch(() => {});
    return reloaded;
  }

  /** How often the supervisor has taken a worker for dead, as it said nothing for seconds. */
  get silentWorkers(): number {
    return this.#proxy.sluice.log.filter(({ msg }) => msg.startsWith('worker gives no sign of life')).length;
  }

  /** Resolves when every worker is there and serves the newest configuration. */
  async ready(): Promise<void> {
    await eventually('every worker is ready', async () =>
      (await this.#proxy.ask('GET', '/readyz')).includes('"ready"'),
    );
  }

  async metrics(): Promise<ReadonlyMap<string, number>> {
    return parseMetrics(await this.#proxy.ask('GET', '/metrics'));
  }

  facts(): { readonly supervisor: ProcessFacts; readonly workers: readonly ProcessFacts[] } {
    return { supervisor: processFacts(this.supervisorPid), workers: this.liveWorkerPids.map(processFacts) };
  }

  newLines(): AccessLine[] {
    return this.#log.newLines();
  }

  /** Has it drain, and resolves with its exit code and what it said that was more than information. */
  async stop(): Promise<{ readonly code: number | null; readonly complaints: readonly string[] }> {
    const { sluice } = this.#proxy;
    sluice.kill('SIGTERM');
    const { code } = await sluice.exited;
    const complaints = sluice.stderr.filter(
      (line) => !line.startsWith('{') || JSON.parse(line).level === 'error',
    );
    return { code, complaints };
  }

  end(): Promise<void> {
    return this.#proxy.end();
  }
}

function accessLogOf(proxy: ReloadableProxy): string {
  return join(proxy.folder, 'access.log');
}

function mapValues<Value>(
  record: Readonly<Record<string, Value>>,
  map: (value: Value) => Value,
): Record<string, Value> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}

function configuration(plane: string, workers: number, backends: Backends): Configuration {
  const { helloMs, idleMs, halfClosedMs, connectMs, drainMs } = timeouts;
  const listener = (name: ListenerName) => ({
    name,
    address: '127.0.0.1:0',
    helloTimeout: `${helloMs[name]}ms`,
    maxHelloBytes: `${maxHelloBytes}B`,
    ...(name === 'trusting' && { acceptProxyProtocol: { from: ['127.0.0.0/8'] } }),
  });
  const route = (name: Behaviour) => ({ name, serverNames: [`*.${name}.test`], upstream: name });
  const upstream = (name: Behaviour) => ({
    endpoints: [backends.address(name)],
    connectTimeout: `${connectMs}ms`,
    connectAttempts: 2,
    // They fail all the time, and are to go on being asked.
    health: { passive: false },
  });
  return {
    workers,
    dataPlane: plane,
    listeners: [listener('edge'), listener('hasty'), listener('trusting')],
    routes: [
      ...behaviours.map(route),
      { name: 'barred', serverNames: ['*.barred.test'], reject: 'access_denied' },
      { name: 'kicked', serverNames: ['*.kicked.test'], reject: 'reset' },
    ],
    upstreams: Object.fromEntries(behaviours.map((name) => [name, upstream(name)])),
    timeouts: { idle: `${idleMs}ms`, halfClosed: `${halfClosedMs}ms`, drain: `${drainMs}ms` },
    log: { access: 'off' },
  };
}
