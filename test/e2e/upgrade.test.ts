import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Caller, call, tally } from './caller.ts';
import { NamedBackend } from './named-backend.ts';
import { ReloadableProxy } from './reloadable-proxy.ts';
import { planes } from './sluice-process.ts';

let red: NamedBackend;
let blue: NamedBackend;

before(async () => {
  red = await NamedBackend.start('red');
  blue = await NamedBackend.start('blue');
});
after(() => Promise.all([red.close(), blue.close()]));

for (const plane of planes) {
  describe(`an upgrade with the ${plane} data plane`, () => {
    const edge = { name: 'edge', address: '127.0.0.1:0' };
    const config = (upstream: 'red' | 'blue', more: object = {}) => ({
      workers: 2,
      dataPlane: plane,
      listeners: [edge],
      routes: [{ name: 'all', upstream }],
      upstreams: { red: { endpoints: [red.address] }, blue: { endpoints: [blue.address] } },
      log: { access: 'off' },
      ...more,
    });

    const withProxy = async (first: object, use: (proxy: ReloadableProxy, port: number) => Promise<void>) => {
      const proxy = await ReloadableProxy.start(first);
      try {
        await use(proxy, proxy.sluice.port);
      } finally {
        await proxy.end();
      }
    };

    /** New connections, one after the other, from several callers at once: all that is not an answer. */
    const closedLoop = (port: number) => {
      let isOpen = true;
      const answers: string[] = [];
      const callers = Array.from({ length: 8 }, async () => {
        while (isOpen) answers.push(await call(port));
      });
      return async () => {
        isOpen = false;
        await Promise.all(callers);
        return tally(answers);
      };
    };

    test('loses no connection, new or live, and the old process drains and ends', () =>
      withProxy(config('red'), async (proxy, port) => {
        const streams = Array.from({ length: 10 }, () => new Caller(port));
        for (const stream of streams) assert.equal(await stream.ask(), 'red');
        const close = closedLoop(port);
        await proxy.write(config('blue'));
        const { code, stdout, stderr } = await proxy.command('upgrade');
        assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
        assert.match(stdout, /^process \d+ serves, and the one before drains\n$/);
        for (const stream of streams) assert.equal(await stream.ask(), 'red');
        assert.equal(await call(port), 'blue');
        for (const stream of streams) await stream.hangUp();
        assert.deepEqual(await proxy.sluice.gone, { code: 0, signal: null });
        const { red: toRed = 0, blue: toBlue = 0, ...failed } = await close();
        assert.deepEqual(failed, {});
        assert.ok(toRed > 0 && toBlue > 0, `${toRed} and ${toBlue}`);
      }));
  });
}
