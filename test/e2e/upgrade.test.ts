import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Caller, call, inParallel } from './caller.ts';
import { ClosedLoop } from './closed-loop.ts';
import { NamedBackend } from './named-backend.ts';
import { ProgramCopy } from './program-copy.ts';
import { ReloadableProxy } from './reloadable-proxy.ts';
import { eventually, planes, SluiceProcess } from './sluice-process.ts';

let red: NamedBackend;
let blue: NamedBackend;

before(async () => {
  red = await NamedBackend.start('red');
  blue = await NamedBackend.start('blue');
});
after(() => Promise.all([red.close(), blue.close()]));

const edge = { name: 'edge', address: '127.0.0.1:0' };
const second = { name: 'second', address: '127.0.0.1:0' };

const config = (upstream: 'red' | 'blue', more: object = {}) => ({
  workers: 2,
  listeners: [edge],
  routes: [{ name: 'all', upstream }],
  upstreams: { red: { endpoints: [red.address] }, blue: { endpoints: [blue.address] } },
  log: { access: 'off' },
  ...more,
});

async function withProxy(
  first: object,
  use: (proxy: ReloadableProxy, port: number) => Promise<void>,
  main?: readonly string[],
): Promise<void> {
  const proxy = await ReloadableProxy.start(first, [], main);
  try {
    await use(proxy, proxy.sluice.port);
  } finally {
    await proxy.end();
  }
}

/** `/status`, once the new process answers there. */
async function statusOf(proxy: ReloadableProxy, generation: number) {
  let status = JSON.parse('{}');
  await eventually('the admin server of the new process', async () => {
    const answer = await proxy.ask('GET', '/status').catch(() => '{}');
    status = JSON.parse(answer);
    return status.generation === generation;
  });
  return status;
}

const portIn = (status: { listeners: { name: string; address: string }[] }, name: string) =>
  Number(/:(\d+)$/.exec(status.listeners.find((each) => each.name === name)?.address ?? '')?.[1]);

async function askAll(streams: readonly Caller[], expected: string): Promise<void> {
  for (const stream of streams) assert.equal(await stream.ask(), expected);
}

for (const plane of planes) {
  describe(`an upgrade with the ${plane} data plane`, () => {
    test('loses no connection, new or live, and the old process drains and ends', () =>
      withProxy(config('red', { dataPlane: plane }), async (proxy, port) => {
        const streams = Array.from({ length: 10 }, () => new Caller(port));
        await askAll(streams, 'red');
        const loop = new ClosedLoop(port);
        await proxy.write(config('blue', { dataPlane: plane }));
        const { code, stdout, stderr } = await proxy.command('upgrade');
        assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
        const [, pid] = /^process (\d+) serves, and the one before drains\n$/.exec(stdout) ?? [];
        assert.equal((await statusOf(proxy, 1)).pid, Number(pid));
        await askAll(streams, 'red');
        assert.equal(await call(port), 'blue');
        for (const stream of streams) await stream.hangUp();
        assert.deepEqual(await proxy.sluice.gone, { code: 0, signal: null });
        const { red: toRed = 0, blue: toBlue = 0, ...failed } = await loop.close();
        assert.deepEqual(failed, {});
        assert.ok(toRed > 0 && toBlue > 0, `${toRed} and ${toBlue}`);
      }));

    test('can be followed by another, with other numbers of workers and listeners', () =>
      withProxy(config('red', { dataPlane: plane, workers: 1 }), async (proxy, port) => {
        const streams = Array.from({ length: 5 }, () => new Caller(port));
        await askAll(streams, 'red');
        const loop = new ClosedLoop(port);

        const more = { dataPlane: plane, workers: 3, listeners: [edge, second] };
        await proxy.write(config('red', more));
        await proxy.ask('POST', '/upgrade');
        const grown = await statusOf(proxy, 1);
        assert.equal(portIn(grown, 'edge'), port);
        const secondPort = portIn(grown, 'second');
        const others = Array.from({ length: 60 }, () => new Caller(port));
        await askAll(others, 'red');
        const { workers } = await statusOf(proxy, 1);
        const counts = workers.map(({ connections }: { connections: number }) => connections);
        assert.ok(counts.length === 3 && Math.min(...counts) > 0, counts.join(' '));
        const late = new Caller(secondPort);
        await askAll([late], 'red');

        await proxy.write(config('red', { dataPlane: plane, workers: 2 }));
        await proxy.ask('POST', '/upgrade');
        const shrunk = await statusOf(proxy, 2);
        assert.deepEqual([shrunk.workers.length, shrunk.listeners.length], [2, 1]);
        await askAll([...others, ...streams, late], 'red');
        await eventually('the removed listener refuses', async () => {
          return (await call(secondPort)) === 'ECONNREFUSED';
        });
        const answers = await inParallel(40, 4, () => call(port));
        assert.ok(answers.every((answer) => answer === 'red'));
        const { red: toRed = 0, ...failed } = await loop.close();
        assert.deepEqual(failed, {});
        assert.ok(toRed > 0);
        for (const each of [...others, ...streams, late]) await each.hangUp();
      }));

    test('that its configuration forbids changes nothing, and says why', () =>
      withProxy(config('red', { dataPlane: plane }), async (proxy, port) => {
        const stream = new Caller(port);
        await askAll([stream], 'red');
        await proxy.write(config('blue', { routes: [{ upstream: 'green' }] }));
        const { code, stdout, stderr } = await proxy.command('upgrade');
        assert.deepEqual([code, stdout], [1, '']);
        assert.match(stderr, /^sluice: .*sluice\.json:\d+:\d+: routes\[0\]\.upstream: .*\n$/);
        await askAll([stream], 'red');
        assert.equal((await statusOf(proxy, 0)).pid, proxy.sluice.pid);
        await proxy.write(config('blue'));
        proxy.sluice.kill('SIGUSR2');
        await proxy.sluice.logged('handed over to the new process');
        await eventually('the new configuration', async () => (await call(port)) === 'blue');
        await stream.hangUp();
      }));

    test('that crashes once its workers serve loses nothing', async () => {
      const copy = await ProgramCopy.make({ addon: true });
      try {
        const first = config('red', { dataPlane: plane, workers: 2 });
        await withProxy(
          first,
          async (proxy, port) => {
            const stream = new Caller(port);
            await askAll([stream], 'red');
            const loop = new ClosedLoop(port);
            await copy.replace(
              'src/supervisor/handover/predecessor.ts',
              /ready\(.*\{$/m,
              "$& process.kill(process.pid, 'SIGKILL');",
            );
            for (const workers of [2, 1, 4]) {
              await proxy.write({ ...first, workers });
              const answer = JSON.parse(await proxy.ask('POST', '/upgrade'));
              assert.match(answer.error, /^the new process ended before it served \(SIGKILL\)/);
            }
            const answers = await inParallel(40, 4, () => call(port));
            assert.ok(answers.every((each) => each === 'red'));
            await askAll([stream], 'red');
            const { red: toRed = 0, ...failed } = await loop.close();
            assert.deepEqual(failed, {});
            assert.ok(toRed > 0);
            await stream.hangUp();
          },
          copy.main,
        );
      } finally {
        await copy.remove();
      }
    });
  });
}

describe('an upgrade', () => {
  test('goes without the addon, too', async () => {
    const copy = await ProgramCopy.make({ addon: false });
    try {
      await withProxy(
        config('red'),
        async (proxy, port) => {
          const stream = new Caller(port);
          await askAll([stream], 'red');
          const loop = new ClosedLoop(port);
          await proxy.write(config('blue', { workers: 3 }));
          assert.ok(JSON.parse(await proxy.ask('POST', '/upgrade')).pid > 0);
          await eventually('the old workers accept no more', async () => (await call(port)) === 'blue');
          await askAll([stream], 'red');
          await stream.hangUp();
          const { red: toRed = 0, blue: toBlue = 0, ...failed } = await loop.close();
          assert.deepEqual(failed, {});
          assert.ok(toRed > 0 && toBlue > 0, `${toRed} and ${toBlue}`);
        },
        copy.main,
      );
    } finally {
      await copy.remove();
    }
  });

  test('is refused where the configuration came from standard input', async () => {
    const sluice = await SluiceProcess.serve(config('red', { workers: 1 }));
    try {
      sluice.kill('SIGUSR2');
      await sluice.logged('not upgraded: this process stays');
      assert.equal(await call(sluice.port), 'red');
    } finally {
      await sluice.end();
    }
  });
});
