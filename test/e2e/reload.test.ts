import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';

import { Caller, call, inParallel, tally } from './caller.ts';
import { NamedBackend } from './named-backend.ts';
import { ReloadableProxy } from './reloadable-proxy.ts';
import { eventually, planes, SluiceProcess } from './sluice-process.ts';

let red: NamedBackend;
let blue: NamedBackend;

before(async () => {
  red = await NamedBackend.start('red');
  blue = await NamedBackend.start('blue');
});
after(() => Promise.all([red.close(), blue.close()]));

for (const plane of planes) {
  describe(`a reload with the ${plane} data plane`, () => {
    const config = (upstream: 'red' | 'blue', more: object = {}) => ({
      workers: 2,
      dataPlane: plane,
      listeners: [{ name: 'edge', address: '127.0.0.1:0' }],
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

    /** Where a listener is by now, with the port that the kernel picked. */
    const portOf = async (proxy: ReloadableProxy, listener: string): Promise<number> => {
      const { listeners } = JSON.parse(await proxy.ask('GET', '/status'));
      const found = listeners.find(({ name }: { name: string }) => name === listener);
      return Number(/:(\d+)$/.exec(found?.address ?? '')?.[1]);
    };

    test('SIGHUP makes a new route work, and old connections go on', () =>
      withProxy(config('red'), async (proxy, port) => {
        const old = new Caller(port);
        assert.equal(await old.ask(), 'red');
        await proxy.write(config('blue', { upstreams: { blue: { endpoints: [blue.address] } } }));
        proxy.sluice.kill('SIGHUP');
        await proxy.sluice.logged('reloaded');
        assert.equal(await call(port), 'blue');
        assert.equal(await old.ask(), 'red');
        await old.hangUp();
      }));

    test('sluice reload prints what changed', () =>
      withProxy(config('red'), async (proxy) => {
        await proxy.write(
          config('blue', {
            routes: [
              { name: 'all', upstream: 'blue' },
              { name: 'shop', serverNames: ['shop.test'], upstream: 'blue' },
            ],
            upstreams: { blue: { endpoints: [blue.address] } },
            workers: 3,
            timeouts: { idle: '5m' },
          }),
        );
        assert.deepEqual(await proxy.command(), {
          code: 0,
          stderr: '',
          stdout: `${[
            'routes added: shop',
            'routes changed: all',
            'upstreams removed: red',
            'timeouts changed',
            'workers changed: needs a restart, and stays as it is until then',
          ].join('\n')}\n`,
        });
      }));

    test('a bad file is refused with line and column, and the old configuration serves on', () =>
      withProxy(config('red'), async (proxy, port) => {
        const before = JSON.parse(await proxy.ask('GET', '/status')).config;
        await proxy.write(
          config('blue', { routes: [{ upstream: 'blue', alpm: ['h2'] }, { upstream: 'green' }] }),
        );
        const { code, stdout, stderr } = await proxy.command();
        assert.equal(code, 1);
        assert.equal(stdout, '');
        const lines = stderr.trimEnd().split('\n');
        assert.equal(lines.length, 2, stderr);
        for (const line of lines) assert.match(line, /sluice\.json:\d+:\d+: routes\[\d\]/);
        assert.equal(await call(port), 'red');
        assert.deepEqual(JSON.parse(await proxy.ask('GET', '/status')).config, before);
        assert.match(
          await proxy.ask('GET', '/metrics'),
          /^sluice_config_reloads_total\{result="failure"\} 1$/m,
        );
      }));

    test('a new listener serves; a removed one refuses, and its connections go on', () =>
      withProxy(config('red'), async (proxy, edge) => {
        const listeners = [{ name: 'edge', address: '127.0.0.1:0' }];
        const both = [...listeners, { name: 'second', address: '127.0.0.1:0' }];
        assert.deepEqual(await proxy.reload(config('red', { listeners: both })), ['listeners added: second']);
        const second = await portOf(proxy, 'second');
        assert.equal(await portOf(proxy, 'edge'), edge);
        const old = new Caller(second);
        assert.equal(await old.ask(), 'red');
        assert.deepEqual(await proxy.reload(config('red', { listeners })), ['listeners removed: second']);
        assert.equal(await call(second), 'ECONNREFUSED');
        assert.equal(await old.ask(), 'red');
        assert.equal(await call(edge), 'red');
        await old.hangUp();
      }));

    test('a listener that is removed under a closed loop of new connections resets nobody', () => {
      const listeners = [{ name: 'edge', address: '127.0.0.1:0' }];
      const both = [...listeners, { name: 'second', address: '127.0.0.1:0' }];
      return withProxy(config('red', { listeners: both }), async (proxy) => {
        const second = await portOf(proxy, 'second');
        const answers: string[] = [];
        const callers = Array.from({ length: 8 }, async () => {
          for (let answer = 'red'; answer === 'red'; answers.push(answer)) answer = await call(second);
        });
        await eventually('the loop turns', () => answers.length > 50);
        await proxy.reload(config('red', { listeners }));
        await Promise.all(callers);
        const { red: served = 0, ...others } = tally(answers);
        assert.ok(served > 50);
        assert.deepEqual(others, { ECONNREFUSED: 8 });
      });
    });

    test('an address in use is refused, and nothing has changed', () =>
      withProxy(config('red'), async (proxy, edge) => {
        const other = createServer().listen(0, '127.0.0.1');
        try {
          await new Promise((resolve) => other.once('listening', resolve));
          const address = other.address();
          assert.ok(typeof address === 'object' && address !== null);
          const taken = [
            { name: 'free', address: '127.0.0.1:0' },
            { name: 'taken', address: `127.0.0.1:${address.port}` },
          ];
          const [problem = '', ...more] = await proxy.reload(config('blue', { listeners: taken }));
          assert.match(problem, /^listener taken: cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/);
          assert.deepEqual(more, []);
          assert.equal(await call(edge), 'red');
          assert.equal(JSON.parse(await proxy.ask('GET', '/status')).listeners.length, 1);
        } finally {
          other.close();
        }
      }));

    test('a connection that has not said where it wants to go is served after its listener is removed', () => {
      const second = { name: 'second', address: '127.0.0.1:0', helloTimeout: '1m' };
      const routes = [{ name: 'second', listeners: ['second'], upstream: 'red' }];
      const listeners = [{ name: 'edge', address: '127.0.0.1:0' }, second];
      return withProxy(config('blue', { listeners, routes }), async (proxy) => {
        const caller = new Caller(await portOf(proxy, 'second'));
        await eventually('accepted', async () =>
          (await proxy.ask('GET', '/connections')).includes(caller.address),
        );
        await proxy.reload(config('blue', { upstreams: { blue: { endpoints: [blue.address] } } }));
        assert.equal(await caller.ask(), 'red');
        await caller.hangUp();
      });
    });

    test('a worker that dies meanwhile comes back with the new configuration', () =>
      withProxy(config('red'), async (proxy, port) => {
        const [victim = 0] = proxy.sluice.workerPids;
        await proxy.write(config('blue'));
        const reloaded = proxy.post();
        process.kill(victim, 'SIGKILL');
        assert.deepEqual(await reloaded, ['routes changed: all']);
        await proxy.sluice.logged('worker ready', 3);
        const answers = await inParallel(40, 4, () => call(port));
        assert.deepEqual(tally(answers), { blue: 40 });
      }));

    test('20 reloads under a closed loop of new connections break nothing', () =>
      withProxy(config('red'), async (proxy, port) => {
        const streams = Array.from({ length: 10 }, () => new Caller(port));
        for (const stream of streams) assert.equal(await stream.ask(), 'red');
        let isReloading = true;
        const answers: string[] = [];
        const callers = Array.from({ length: 8 }, async () => {
          while (isReloading) answers.push(await call(port));
        });
        for (let turn = 0; turn < 20; turn++) {
          // The listener's own settings change, too: its socket and its queue stay.
          const listeners = [
            { name: 'edge', address: '127.0.0.1:0', helloTimeout: `${turn + 2}s` },
            ...(turn % 2 === 0 ? [{ name: 'other', address: '127.0.0.1:0' }] : []),
          ];
          const limits = turn % 3 === 0 ? { maxConnectionsPerSource: 1000 } : {};
          const changes = await proxy.reload(config(turn % 2 === 0 ? 'blue' : 'red', { listeners, limits }));
          assert.ok(changes.includes('routes changed: all'), changes.join('\n'));
          for (const stream of streams) assert.equal(await stream.ask(), 'red');
        }
        isReloading = false;
        await Promise.all(callers);
        const { red: toRed = 0, blue: toBlue = 0, ...failed } = tally(answers);
        assert.deepEqual(failed, {});
        assert.ok(toRed > 0 && toBlue > 0, `${toRed} and ${toBlue}`);
        for (const stream of streams) await stream.hangUp();
      }));

    test('the access log moves to another file', () =>
      withProxy(config('red'), async (proxy, port) => {
        await proxy.reload(config('red', { log: { access: `${proxy.folder}/access.log` } }));
        await call(port);
        await eventually('a line', async () => (await readFile(`${proxy.folder}/access.log`, 'utf8')) !== '');
      }));
  });
}

describe('a reload', () => {
  test('is refused where the configuration came from standard input', async () => {
    const sluice = await SluiceProcess.serve({
      listeners: [{ name: 'edge', address: '127.0.0.1:0' }],
      routes: [{ upstream: 'red' }],
      upstreams: { red: { endpoints: [red.address] } },
      workers: 1,
    });
    try {
      sluice.kill('SIGHUP');
      await sluice.logged('not reloaded: the configuration stays');
      assert.equal(await call(sluice.port), 'red');
    } finally {
      await sluice.end();
    }
  });
});
