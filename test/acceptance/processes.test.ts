import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { hello } from './hello-bytes.ts';
import { LineLog } from './line-log.ts';
import { dial, Endpoint, exchange, openEndingEndpoint } from './peers.ts';
import { type EdgeProxy, planes, startProxy } from './proxy.ts';

/** The worker processes; what tsx itself starts to compile is none. */
function workersOf(pid: number | undefined): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((entry) => {
      try {
        const parent = readFileSync(`/proc/${entry}/stat`, 'utf8').split(') ')[1]?.split(' ')[1];
        return parent === String(pid) && !readFileSync(`/proc/${entry}/cmdline`, 'utf8').includes('esbuild');
      } catch {
        return false;
      }
    })
    .map(Number);
}

async function startServingProxy(t: TestContext, plane: 'native' | 'portable', more: object = {}) {
  const endpoint = await openEndingEndpoint(t);
  return startProxy(t, plane, {
    routes: [{ serverNames: ['a.test'], upstream: 'up' }],
    upstreams: { up: { endpoints: [endpoint.address] } },
    ...more,
  });
}

async function serves(t: TestContext, proxy: EdgeProxy) {
  const client = await exchange(t, proxy.port(), hello('a.test'));
  assert.equal((await proxy.access.ofClient(client.port))['outcome'], 'ok');
}

for (const plane of planes) {
  test(`processes on the ${plane} plane`, { concurrency: 2 }, async (context) => {
    await Promise.all([
      context.test('a killed worker is replaced, and a waiting connection is served', async (t) => {
        const proxy = await startServingProxy(t, plane);
        const workers = workersOf(proxy.child.pid);
        assert.equal(workers.length, 1);
        for (const worker of workers) process.kill(worker, 'SIGKILL');
        await serves(t, proxy);
      }),

      context.test('SIGHUP leaves a live connection alone', async (t) => {
        const endpoint = await Endpoint.open(t);
        const proxy = await startServingProxy(t, plane, {
          upstreams: { up: { endpoints: [endpoint.address] } },
        });
        const client = await dial(t, proxy.port());
        client.send(hello('a.test'));
        const peer = await endpoint.next();
        proxy.child.kill('SIGHUP');
        await proxy.events.next((event) => /reload/.test(JSON.stringify(event)));
        peer.send('still here');
        assert.equal(String(await client.has(10)), 'still here');
      }),

      context.test('SIGUSR1 opens a renamed access log anew, under a live connection', async (t) => {
        const held = await Endpoint.open(t);
        const folder = await mkdtemp(join(tmpdir(), 'sluice-acceptance-log-'));
        t.after(() => rm(folder, { recursive: true, force: true }));
        const file = join(folder, 'access.log');
        const ending = await openEndingEndpoint(t);
        const proxy = await startServingProxy(t, plane, {
          log: { access: file },
          routes: [
            { serverNames: ['a.test'], upstream: 'up' },
            { serverNames: ['held.test'], upstream: 'held' },
          ],
          upstreams: { up: { endpoints: [ending.address] }, held: { endpoints: [held.address] } },
        });
        const client = await dial(t, proxy.port());
        client.send(hello('held.test'));
        const peer = await held.next();
        const linesOf = async (path: string) => {
          const log = new LineLog();
          for (const text of (await readFile(path, 'utf8').catch(() => '')).split('\n'))
            if (text) log.add(text);
          return log.all;
        };
        const written = async (path: string) => {
          for (const giveUpAt = performance.now() + 60_000; performance.now() < giveUpAt; await delay(20)) {
            await exchange(t, proxy.port(), hello('a.test'));
            if ((await linesOf(path)).length > 0) return;
          }
          assert.fail(`nothing is written to ${path}`);
        };
        await written(file);
        await rename(file, `${file}.1`);
        proxy.child.kill('SIGUSR1');
        await written(file);
        assert.equal(proxy.access.all.length, 0);
        peer.send('still here');
        assert.equal(String(await Promise.race([client.has(10), client.ended, client.closed])), 'still here');
      }),

      context.test(
        'SIGTERM lets a live connection end by itself, takes no new one, and exits 0',
        async (t) => {
          const endpoint = await Endpoint.open(t);
          const proxy = await startServingProxy(t, plane, {
            upstreams: { up: { endpoints: [endpoint.address] } },
          });
          const client = await dial(t, proxy.port());
          client.send(hello('a.test'));
          const peer = await endpoint.next();
          proxy.child.kill('SIGTERM');
          await proxy.events.next((event) => /drain/.test(String(event['msg'])));
          peer.send('finished').socket.end();
          client.socket.end();
          assert.equal(await client.closed, 'fin');
          assert.equal(String(client.received), 'finished');
          assert.deepEqual(await proxy.exit, { code: 0, signal: null });
          assert.equal((await proxy.access.ofClient(client.port))['outcome'], 'ok');
          await assert.rejects(dial(t, proxy.port()));
        },
      ),
    ]);
  });

  test(`an address of ":PORT" takes IPv4 and IPv6 on the ${plane} plane`, async (t) => {
    const proxy = await startServingProxy(t, plane, { listeners: [{ name: 'edge', address: ':0' }] });
    for (const [host, client] of [
      ['127.0.0.1', '127.0.0.1'],
      ['::1', '[::1]'],
    ] as const) {
      const peer = await dial(t, proxy.port(), host);
      peer.send(hello('a.test'));
      await peer.ended;
      peer.socket.end();
      assert.equal((await proxy.access.ofClient(peer.port))['client'], `${client}:${peer.port}`);
    }
  });

  test(`an idle connection costs two sockets and no pipe on the ${plane} plane`, async (t) => {
    const endpoint = await Endpoint.open(t);
    const proxy = await startServingProxy(t, plane, { upstreams: { up: { endpoints: [endpoint.address] } } });
    const descriptors = () =>
      workersOf(proxy.child.pid).reduce((sum, pid) => sum + readdirSync(`/proc/${pid}/fd`).length, 0);
    const open = async () => {
      const client = await dial(t, proxy.port());
      client.send(hello('a.test'));
      const peer = await endpoint.next();
      const bytes = Buffer.alloc(1 << 20);
      peer.send(bytes);
      await client.has(bytes.length);
    };
    await open();
    const before = descriptors();
    for (let count = 0; count < 20; count += 1) await open();
    assert.equal(descriptors() - before, 40);
  });
}
