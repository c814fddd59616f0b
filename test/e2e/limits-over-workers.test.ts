import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { buildHello } from '../tls/hello-builder.ts';
import { Caller, type CallOptions, call, tally } from './caller.ts';
import { NamedBackend } from './named-backend.ts';
import { ReloadableProxy } from './reloadable-proxy.ts';
import { eventually, planes } from './sluice-process.ts';

const hello = buildHello({ serverName: 'shop.test' });
/** More than enough for every worker to get some. */
const attempts = 24;
const addonNeeded = process.platform === 'linux' ? false : 'workers share memory by the addon';

const isOk = ({ outcome }: { readonly outcome: string }) => outcome === 'ok';

/** A proxy with several workers, and callers that stay. */
class Rig {
  readonly #plane: string;
  readonly #backend: NamedBackend;
  readonly #callers = new Set<Caller>();
  readonly #answered: Caller[] = [];
  #proxy: ReloadableProxy | undefined;

  private constructor(plane: string, backend: NamedBackend) {
    this.#plane = plane;
    this.#backend = backend;
  }

  static async use(plane: string, config: object, use: (rig: Rig) => Promise<void>): Promise<void> {
    const rig = new Rig(plane, await NamedBackend.start('shop'));
    try {
      rig.#proxy = await ReloadableProxy.start(rig.#configured(config));
      await use(rig);
    } finally {
      for (const caller of rig.#callers) caller.destroy();
      await rig.#proxy?.end();
      await rig.#backend.close();
    }
  }

  get proxy(): ReloadableProxy {
    return this.#proxy ?? assert.fail('not started');
  }

  get backend(): NamedBackend {
    return this.#backend;
  }

  async reload(config: object): Promise<void> {
    await this.proxy.reload(this.#configured(config));
  }

  /** Opens a connection, asks over it, and keeps it. */
  async hold(options: CallOptions = {}): Promise<string> {
    const caller = new Caller(this.proxy.sluice.port, { say: hello, ...options });
    this.#callers.add(caller);
    const answer = await caller.ask();
    if (answer === 'shop') this.#answered.push(caller);
    return answer;
  }

  async holdMany(count: number): Promise<Record<string, number>> {
    return tally(await Promise.all(Array.from({ length: count }, () => this.hold())));
  }

  /** Ends one connection that is held, and waits until the proxy has noticed. */
  async endOne(): Promise<void> {
    const before = this.proxy.sluice.accesses.filter(isOk).length;
    await this.#answered.shift()?.hangUp();
    await this.proxy.sluice.accessed(before + 1, isOk);
  }

  /** The process id of a worker that has connections, and how many. */
  async busyWorker(): Promise<{ pid: number; connections: number }> {
    const { workers } = JSON.parse(await this.proxy.ask('GET', '/status'));
    return workers.find(({ connections }: { connections: number }) => connections > 0);
  }

  #configured({ upstream = {}, routed = 'shop', ...config }: { upstream?: object; routed?: string }): object {
    const { address } = this.#backend;
    return {
      dataPlane: this.#plane,
      listeners: [{ name: 'edge', address: '127.0.0.1:0' }],
      routes: [{ upstream: routed }],
      upstreams: { [routed]: { endpoints: [address], ...upstream } },
      ...config,
    };
  }
}

for (const plane of planes) {
  describe(`limits of several workers, ${plane} data plane`, { skip: addonNeeded }, () => {
    test('an upstream’s maxConnections: one, whichever worker gets it', () =>
      Rig.use(plane, { workers: 2, upstream: { maxConnections: 1 } }, async (rig) => {
        for (let turn = 0; turn < 10; turn++) {
          assert.equal(await rig.hold(), 'shop', `turn ${turn}`);
          assert.equal(await rig.hold(), 'alert 80');
          await rig.endOne();
        }
        assert.equal(rig.backend.mostLive, 1);
      }));

    test('an upstream’s maxConnections: a killed worker gives back what it had', () =>
      Rig.use(plane, { workers: 4, upstream: { maxConnections: 3 } }, async (rig) => {
        const { sluice } = rig.proxy;
        assert.deepEqual(await rig.holdMany(attempts), { shop: 3, 'alert 80': attempts - 3 });
        const { pid, connections } = await rig.busyWorker();
        const ready = sluice.log.filter(({ msg }) => msg === 'worker ready').length;
        process.kill(pid, 'SIGKILL');
        await sluice.logged('worker ready', ready + 1);
        await eventually('what it had', () => rig.backend.live === 3 - connections);
        assert.deepEqual(await rig.holdMany(attempts), {
          shop: connections,
          'alert 80': attempts - connections,
        });
      }));

    test('an upstream’s maxConnections: a reload keeps what is counted, also of an upstream that comes back', () =>
      Rig.use(plane, { workers: 3, upstream: { maxConnections: 2 } }, async (rig) => {
        assert.deepEqual(await rig.holdMany(2), { shop: 2 });
        await rig.reload({ workers: 3, upstream: { maxConnections: 3 } });
        assert.deepEqual(await rig.holdMany(attempts), { shop: 1, 'alert 80': attempts - 1 });
        await rig.reload({ workers: 3, routed: 'other', upstream: { maxConnections: 2 } });
        assert.deepEqual(await rig.holdMany(attempts), { shop: 2, 'alert 80': attempts - 2 });
        await rig.reload({ workers: 3, upstream: { maxConnections: 4 } });
        assert.deepEqual(await rig.holdMany(attempts), { shop: 1, 'alert 80': attempts - 1 });
        await rig.reload({ workers: 3 });
        assert.deepEqual(await rig.holdMany(attempts), { shop: attempts });
        await rig.reload({ workers: 3, upstream: { maxConnections: attempts } });
        assert.equal(await rig.hold(), 'alert 80');
      }));

    test('maxConnectionsPerSource: over all workers', () =>
      Rig.use(plane, { workers: 3, limits: { maxConnectionsPerSource: 2 } }, async (rig) => {
        assert.deepEqual(await rig.holdMany(attempts), { shop: 2, ECONNRESET: attempts - 2 });
        assert.equal(await call(rig.proxy.sluice.port, { say: hello, from: '127.0.0.2' }), 'shop');
        await rig.proxy.sluice.accessed(1, isOk);
        for (let turn = 0; turn < 4; turn++) {
          await rig.endOne();
          assert.deepEqual(await rig.holdMany(4), { shop: 1, ECONNRESET: 3 }, `turn ${turn}`);
        }
      }));

    test('newConnectionsPerSource: one burst over all workers', () =>
      Rig.use(plane, { workers: 4, limits: { newConnectionsPerSource: '5/m' } }, async (rig) => {
        const startedAt = performance.now();
        const { shop = 0 } = await rig.holdMany(attempts);
        const tokensBack = Math.ceil((performance.now() - startedAt) / 12_000);
        assert.ok(shop >= 5 && shop < 5 + tokensBack, `${shop} of ${attempts}`);
        assert.equal(await call(rig.proxy.sluice.port, { say: hello, from: '127.0.0.2' }), 'shop');
      }));

    test('limits.maxConnections: the third of two waits until one ends', () =>
      Rig.use(plane, { workers: 4, limits: { maxConnections: 2 } }, async (rig) => {
        assert.deepEqual(await rig.holdMany(2), { shop: 2 });
        let served = 0;
        const waiting = Array.from({ length: 3 }, () =>
          rig.hold().then((answer) => {
            served += 1;
            return answer;
          }),
        );
        // Every worker is idle meanwhile: nothing but the limit keeps them from being served.
        await new Promise((resolve) => setTimeout(resolve, 300));
        assert.equal(served, 0);
        for (let ended = 1; ended <= 3; ended++) {
          await rig.endOne();
          await eventually('the next', () => served >= ended);
          assert.equal(served, ended);
        }
        assert.deepEqual(tally(await Promise.all(waiting)), { shop: 3 });
        assert.equal(rig.backend.mostLive, 2);
      }));

    test('limits.maxConnections: everybody’s turn comes, whoever the others are', () =>
      Rig.use(plane, { workers: 2, limits: { maxConnections: 1 } }, async (rig) => {
        // As many at one time as keep both workers waiting.
        const callers = Array.from({ length: 8 }, async () => {
          let turns = 0;
          for (; turns < 5; turns++) assert.equal(await call(rig.proxy.sluice.port, { say: hello }), 'shop');
          return turns;
        });
        assert.deepEqual(await Promise.all(callers), Array(8).fill(5));
        assert.equal(rig.backend.mostLive, 1);
      }));
  });
}
