import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { Caller, call, tally } from './caller.ts';
import { NamedBackend } from './named-backend.ts';
import { ReloadableProxy } from './reloadable-proxy.ts';
import { eventually, isRunning, planes } from './sluice-process.ts';

let backend: NamedBackend;

before(async () => {
  backend = await NamedBackend.start('shop');
});
after(() => backend.close());

for (const plane of planes) {
  describe(`restarting workers with the ${plane} data plane`, () => {
    const config = (more: object = {}) => ({
      workers: 2,
      dataPlane: plane,
      listeners: [{ name: 'edge', address: '127.0.0.1:0' }],
      routes: [{ upstream: 'shop' }],
      upstreams: { shop: { endpoints: [backend.address] } },
      log: { access: 'off' },
      timeouts: { drain: '1h' },
      ...more,
    });

    const withProxy = async (more: object, use: (proxy: ReloadableProxy) => Promise<void>) => {
      const proxy = await ReloadableProxy.start(config(more));
      try {
        await use(proxy);
      } finally {
        await proxy.end();
      }
    };

    test('fails no connection, and the old ones go once their connections have ended', () =>
      withProxy({}, async (proxy) => {
        const { port, workerPids: former } = proxy.sluice;
        const streams = Array.from({ length: 10 }, () => new Caller(port));
        for (const stream of streams) assert.equal(await stream.ask(), 'shop');
        let isRestarting = true;
        const answers: string[] = [];
        const callers = Array.from({ length: 2 }, async () => {
          while (isRestarting) answers.push(await call(port));
        });

        const { replaced } = JSON.parse(await proxy.ask('POST', '/restart-workers'));
        isRestarting = false;
        await Promise.all(callers);
        const now = proxy.sluice.workerPids;
        assert.deepEqual(
          replaced,
          former.map((before, index) => ({ index, before, now: now[index] })),
        );
        assert.deepEqual(
          former.filter((pid) => now.includes(pid)),
          [],
        );
        assert.deepEqual(tally(answers), { shop: answers.length });
        assert.ok(answers.length > 0);
        assert.match(await proxy.ask('GET', '/metrics'), /^sluice_worker_restarts_total 0$/m);

        for (const stream of streams) assert.equal(await stream.ask(), 'shop');
        for (const stream of streams) await stream.hangUp();
        await eventually('the old ones have gone', () => !former.some(isRunning));
      }));

    test('is told worker by worker', () =>
      withProxy({ workers: 1 }, async (proxy) => {
        const [before] = proxy.sluice.workerPids;
        const { code, stdout, stderr } = await proxy.command('restart-workers');
        const [now] = proxy.sluice.workerPids;
        assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
        assert.equal(stdout, `worker 0: process ${before} is now ${now}\n`);
      }));

    test('leaves all as it is where a new one cannot start', async () => {
      const logs = await mkdtemp(join(tmpdir(), 'sluice-restart-'));
      await withProxy({ log: { access: join(logs, 'access.log') } }, async (proxy) => {
        const former = proxy.sluice.workerPids;
        await rm(logs, { recursive: true });
        const { code, stdout, stderr } = await proxy.command('restart-workers');
        assert.deepEqual([code, stdout], [1, '']);
        assert.match(stderr, /^sluice: worker 0: the new one does not start: .*ENOENT.*\n$/);
        assert.ok(former.every(isRunning));
        assert.deepEqual(tally([await call(proxy.sluice.port), await call(proxy.sluice.port)]), { shop: 2 });
      });
    });
  });
}
