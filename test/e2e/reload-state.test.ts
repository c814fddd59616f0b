import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { chmod, readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';

import { call, inParallel, tally } from './caller.ts';
import { NamedBackend, refusingAddress } from './named-backend.ts';
import { ReloadableProxy } from './reloadable-proxy.ts';
import { eventually, type LogLine, planes } from './sluice-process.ts';

let red: NamedBackend;
let dead: string;

before(async () => {
  red = await NamedBackend.start('red');
  dead = await refusingAddress();
});
after(() => red.close());

for (const plane of planes) {
  describe(`after a reload with the ${plane} data plane`, () => {
    const config = (route: string, more: object = {}) => ({
      workers: 2,
      dataPlane: plane,
      listeners: [{ name: 'edge', address: '127.0.0.1:0' }],
      routes: [{ name: route, upstream: 'shop' }],
      upstreams: { shop: { endpoints: [red.address] } },
      ...more,
    });

    const withProxy = async (first: object, use: (proxy: ReloadableProxy) => Promise<void>) => {
      const proxy = await ReloadableProxy.start(first);
      try {
        await use(proxy);
      } finally {
        await proxy.end();
      }
    };

    const stateOfDead = async (proxy: ReloadableProxy): Promise<string> => {
      const { upstreams } = JSON.parse(await proxy.ask('GET', '/status'));
      const endpoints: { endpoint: string; state: string }[] = upstreams[0].endpoints;
      return endpoints.find(({ endpoint }) => endpoint === dead)?.state ?? 'gone';
    };

    for (const [state, health] of [
      [
        'down',
        { active: { probe: 'tcp', interval: '200ms', timeout: '10s', unhealthyAfter: 1 }, passive: false },
      ],
      ['ejected', { passive: { failures: 1, window: '10m', ejectFor: '10m' } }],
    ] as const) {
      test(`an endpoint that is ${state} is still so, and gets no connection`, () => {
        const upstreams = { shop: { endpoints: [red.address, dead], health } };
        return withProxy(config('before', { upstreams }), async (proxy) => {
          const { sluice } = proxy;
          let calls = 0;
          await eventually(`it is ${state}`, async () => {
            assert.equal(await call(sluice.port), 'red');
            calls += 1;
            return (await stateOfDead(proxy)) === state;
          });
          // Both workers have heard of it before they are told of the configuration.
          await proxy.reload(config('after', { upstreams }));
          assert.equal(await stateOfDead(proxy), state);
          const answers = await inParallel(20, 4, () => call(sluice.port));
          assert.deepEqual(tally(answers), { red: 20 });
          const lines = (await sluice.accessed(calls + 20)).slice(calls);
          assert.deepEqual(tally(lines.map(({ attempts }) => String(attempts))), { 1: 20 });
          const isUp = (line: LogLine) => line.msg === 'endpoint state' && line.state === 'up';
          assert.deepEqual(sluice.log.filter(isUp), []);
        });
      });
    }

    test(
      'workers that run as another user serve its listeners, and write its log',
      { skip: process.getuid?.() === 0 ? false : 'only root can change to another user' },
      () =>
        withProxy(config('before', { user: 'nobody' }), async (proxy) => {
          const { sluice, folder } = proxy;
          // Whoever the workers become may reach the log, and make no other.
          await chmod(folder, 0o755);
          const workers = sluice.workerPids;
          const listeners = [
            { name: 'edge', address: '127.0.0.1:0' },
            { name: 'second', address: '127.0.0.1:0' },
          ];
          const access = `${folder}/access.log`;
          await proxy.reload(config('after', { user: 'nobody', listeners, log: { access } }));
          const status = JSON.parse(await proxy.ask('GET', '/status'));
          const second = Number(/:(\d+)$/.exec(status.listeners[1]?.address)?.[1]);
          assert.deepEqual([await call(sluice.port), await call(second)], ['red', 'red']);
          await eventually(
            'two lines',
            async () => (await readFile(access, 'utf8')).split('\n').length === 3,
          );
          assert.deepEqual(sluice.workerPids, workers);
          for (const pid of workers) {
            assert.doesNotMatch(readFileSync(`/proc/${pid}/status`, 'utf8'), /^Uid:\t0\b/m);
          }
        }),
    );
  });
}
