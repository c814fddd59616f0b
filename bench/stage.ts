import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clientHello } from './load/client-hello.ts';
import type { HttpsLoad } from './load/https-load.ts';
import { LoadRun } from './load/load-run.ts';
import { nativeLoad } from './load/native-load.ts';
import { ahead, type Placement, placementFor } from './machine.ts';
import { passesHalfClose } from './measure/half-close.ts';
import type { Route } from './peers/peer.ts';
import { freePort } from './ports.ts';
import type { JobSize, Target } from './running-proxy.ts';

const backendCount = 16;
/** So many that no proxy here runs out of descriptors. */
const maxConnections = 4_000;
const nameOf = (index: number) => `n${String(index).padStart(7, '0')}.bench.example`;

export interface NativeLoad {
  readonly mode: 'connect' | 'echo' | 'down' | 'up' | 'idle';
  readonly clients?: number;
  readonly size?: number;
  /** How many server names are asked for; they all have to be routed. */
  readonly names?: number;
  /** New connections a second. */
  readonly rate?: number;
  /** Never sleeps, where the load has processors of its own; `no` where it shares them with another. */
  readonly spin?: 'yes' | 'no';
  /** Whatever else runs on the load's processors waits for it. */
  readonly isAhead?: boolean;
}

export interface Scale {
  /** Of each proxy. */
  readonly workers: number;
  /** How long each single measurement takes. */
  readonly seconds: number;
  /** How long a proxy that has just started works before it is measured: compilers at run time need about one. */
  readonly warmSeconds: number;
  /** How many idle connections are opened at once, four times. */
  readonly idleStep: number;
  /** What Node runs as this Sluice; by default what was built. */
  readonly main?: readonly string[];
}

/** What is around the proxies: the backends, the names and the clients. */
export class Stage {
  readonly placement: Placement;
  readonly scale: Scale;
  readonly #serverPort: number;
  readonly #folder: string;
  readonly #program: string;

  private constructor(scale: Scale, serverPort: number) {
    this.placement = placementFor(scale.workers);
    this.scale = scale;
    this.#serverPort = serverPort;
    this.#program = nativeLoad();
    this.#folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
  }

  static async set(scale: Scale): Promise<Stage> {
    const stage = new Stage(scale, await freePort());
    writeFileSync(stage.#helloFile, await clientHello(nameOf(0)));
    return stage;
  }

  strike(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #helloFile(): string {
    return join(this.#folder, 'hello.bin');
  }

  /** A job of so many names; the names are dealt out to the backends. */
  job(workers = this.scale.workers, names = backendCount): JobSize {
    const routes = Array.from({ length: names }, (_, i): Route => {
      return { serverName: nameOf(i), endpoint: `${backendHost(i % backendCount)}:${this.#serverPort}` };
    });
    return { workers, maxConnections, routes };
  }

  /** Clients and backends in one native process; `serverPort`: not those that the proxy knows. */
  native(
    target: Target,
    { isAhead = false, ...load }: NativeLoad,
    seconds = this.scale.seconds,
    serverPort = this.#serverPort,
  ): LoadRun {
    const { port, pids } = target;
    const options = {
      proxy: port ?? 0,
      direct: port === undefined ? 'yes' : 'no',
      server: serverPort,
      hello: this.#helloFile,
      backends: backendCount,
      names: backendCount,
      warm: seconds * 0.2,
      seconds,
      spin: this.placement.load === undefined || load.mode === 'idle' ? 'no' : 'yes',
      ...(pids.length > 0 ? { watch: pids.join(',') } : {}),
      ...load,
    };
    const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const command = [this.#program, ...words];
    return new LoadRun(isAhead ? ahead(command) : command, this.placement.load);
  }

  /** Until the target serves in earnest: workers have started, code is compiled, pools are filled. */
  async warm(target: Target, names = backendCount): Promise<void> {
    for (const mode of ['connect', 'echo'] as const) {
      const run = this.native(target, { mode, names }, this.scale.warmSeconds / (mode === 'connect' ? 1 : 3));
      try {
        await run.said('started');
        await run.result();
      } finally {
        await run.stop();
      }
    }
  }

  /** Whether it passes on that a client has nothing more to say, and then what it is answered. */
  async passesHalfClose(target: Target): Promise<boolean> {
    const hello = readFileSync(this.#helloFile);
    return target.port === undefined || passesHalfClose(target.port, hello, backendHost(0), this.#serverPort);
  }

  /** Real TLS. */
  https(target: Target, reconnects: boolean, clients: number): LoadRun {
    const seconds = this.scale.seconds;
    const host = target.port === undefined ? backendHost(0) : '127.0.0.1';
    const load: HttpsLoad = {
      url: `https://${host}:${target.port ?? this.#serverPort}/`,
      serverName: nameOf(0),
      hosts: Array.from({ length: backendCount }, (_, i) => backendHost(i)),
      serverPort: this.#serverPort,
      reconnects,
      clients,
      warmSeconds: seconds * 0.3,
      seconds,
      watched: target.pids,
    };
    const program = join(import.meta.dirname, 'load/https-load.ts');
    const command = [process.execPath, '--import', 'tsx', program, JSON.stringify(load)];
    return new LoadRun(command, this.placement.load);
  }
}

function backendHost(index: number): string {
  return `127.0.1.${1 + index}`;
}
