import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { encodeProxyV2 } from '../../src/proxy-protocol/encode.ts';
import { buildHello } from '../tls/hello-builder.ts';
import { Caller, type CallOptions, call, tally } from './caller.ts';
import { NamedBackend } from './named-backend.ts';
import { eventually, planes, SluiceProcess } from './sluice-process.ts';

const hello = buildHello({ serverName: 'shop.test' });
const limit = 4;
const attempts = 30;

interface Rig {
  readonly sluice: SluiceProcess;
  /** This test's own. */
  readonly backend: NamedBackend;
  /** Opens a connection, asks over it, and keeps it. */
  hold(options?: CallOptions): Promise<string>;
  /** Ends the connection that was first to get an answer of those that are held. */
  endOne(): Promise<void>;
}

for (const plane of planes) {
  describe(`limits with the ${plane} data plane`, { concurrency: 3 }, () => {
    const withRig = async (config: object, upstream: object, use: (rig: Rig) => Promise<void>) => {
      const backend = await NamedBackend.start('shop');
      const sluice = await SluiceProcess.serve({
        workers: 1,
        dataPlane: plane,
        listeners: [{ name: 'edge', address: '127.0.0.1:0' }],
        routes: [{ upstream: 'shop' }],
        upstreams: { shop: { endpoints: [backend.address], ...upstream } },
        ...config,
      });
      const callers = new Set<Caller>();
      const answered: Caller[] = [];
      const hold = async (options: CallOptions = {}) => {
        const caller = new Caller(sluice.port, { say: hello, ...options });
        callers.add(caller);
        const answer = await caller.ask();
        if (answer === 'shop') answered.push(caller);
        return answer;
      };
      const endOne = async () => {
        await answered.shift()?.hangUp();
      };
      try {
        await use({ sluice, backend, hold, endOne });
      } finally {
        for (const caller of callers) caller.destroy();
        await sluice.end();
        await backend.close();
      }
    };

    test('maxConnectionsPerSource: exact with one worker, for each source', () =>
      withRig({ limits: { maxConnectionsPerSource: 2 } }, {}, async ({ sluice, hold, endOne }) => {
        assert.deepEqual([await hold(), await hold(), await hold()], ['shop', 'shop', 'ECONNRESET']);
        assert.equal(await hold({ from: '127.0.0.2' }), 'shop');
        const [refused] = await sluice.accessed(1);
        assert.equal(refused?.outcome, 'source_limited');
        await endOne();
        await sluice.accessed(1, ({ outcome }) => outcome === 'ok');
        assert.deepEqual([await hold(), await hold()], ['shop', 'ECONNRESET']);
      }));

    test('maxConnectionsPerSource: an IPv6 /64 is one source, and the PROXY header says which', () =>
      withRig(
        {
          listeners: [
            { name: 'edge', address: '127.0.0.1:0', acceptProxyProtocol: { from: ['127.0.0.0/8'] } },
          ],
          limits: { maxConnectionsPerSource: 2 },
        },
        {},
        async ({ hold }) => {
          const from = (address: string): CallOptions => {
            const destination = { address: '2001:db8::1', port: 443, family: 6 } as const;
            const source = { address, port: 4000, family: 6 } as const;
            return { say: Buffer.concat([encodeProxyV2({ source, destination }), hello]) };
          };
          assert.equal(await hold(from('2001:db8:1:2::a')), 'shop');
          assert.equal(await hold(from('2001:db8:1:2:ffff::b')), 'shop');
          assert.equal(await hold(from('2001:db8:1:2::c')), 'ECONNRESET');
          assert.equal(await hold(from('2001:db8:1:3::c')), 'shop');
        },
      ));

    test('newConnectionsPerSource: a burst of the number, for each source', () =>
      withRig({ limits: { newConnectionsPerSource: '3/m' } }, {}, async ({ sluice }) => {
        const startedAt = performance.now();
        const answers: string[] = [];
        for (let turn = 0; turn < 5; turn++) answers.push(await call(sluice.port, { say: hello }));
        assert.ok(performance.now() - startedAt < 20_000, 'no token has come back meanwhile');
        assert.deepEqual(answers, ['shop', 'shop', 'shop', 'ECONNRESET', 'ECONNRESET']);
        assert.equal(await call(sluice.port, { say: hello, from: '127.0.0.2' }), 'shop');
        const lines = await sluice.accessed(6);
        assert.deepEqual(tally(lines.map(({ outcome }) => outcome)), { ok: 4, source_limited: 2 });
      }));

    test('newConnectionsPerSource: tokens come back in time', () =>
      withRig({ limits: { newConnectionsPerSource: '1/s' } }, {}, async ({ sluice }) => {
        assert.equal(await call(sluice.port, { say: hello }), 'shop');
        const startedAt = performance.now();
        await eventually('a token', async () => (await call(sluice.port, { say: hello })) === 'shop');
        assert.ok(performance.now() - startedAt > 500);
      }));

    test('an upstream’s maxConnections: exact with one worker', () =>
      withRig({}, { maxConnections: 2 }, async ({ sluice, hold, endOne }) => {
        assert.deepEqual([await hold(), await hold(), await hold()], ['shop', 'shop', 'alert 80']);
        const [refused] = await sluice.accessed(1);
        assert.equal(refused?.outcome, 'upstream_full');
        await endOne();
        await sluice.accessed(1, ({ outcome }) => outcome === 'ok');
        assert.deepEqual([await hold(), await hold()], ['shop', 'alert 80']);
      }));

    test('limits.maxConnections: one too many waits until another ends', () =>
      withRig({ limits: { maxConnections: 2 } }, {}, async ({ sluice, backend, hold, endOne }) => {
        await hold();
        await hold();
        let isServed = false;
        const third = hold().then((answer) => {
          isServed = true;
          return answer;
        });
        // Its worker is idle meanwhile: nothing but the limit keeps the third from being served.
        await new Promise((resolve) => setTimeout(resolve, 300));
        assert.ok(!isServed);
        assert.equal(backend.accepted, 2);
        await endOne();
        assert.equal(await third, 'shop');
        assert.equal(backend.mostLive, 2);
        await sluice.accessed(1, ({ outcome }) => outcome === 'ok');
      }));

    test('an upstream’s maxConnections: two workers together never exceed it', () =>
      withRig({ workers: 2 }, { maxConnections: limit }, async ({ backend, hold }) => {
        const answers = tally(await Promise.all(Array.from({ length: attempts }, () => hold())));
        assert.equal(answers['shop'], backend.live);
        assert.equal(answers['alert 80'], attempts - backend.live);
        // Each worker has had 15 of them, more or less: both fill their halves.
        assert.equal(backend.live, limit);
      }));

    test('maxConnectionsPerSource: two workers together never exceed it', () =>
      withRig({ workers: 2, limits: { maxConnectionsPerSource: limit } }, {}, async ({ backend, hold }) => {
        const answers = tally(await Promise.all(Array.from({ length: attempts }, () => hold())));
        assert.equal(answers['shop'], limit);
        assert.equal(backend.live, limit);
      }));

    test('limits.maxConnections: two workers together never exceed it, and everybody’s turn comes', () =>
      withRig({ workers: 2, limits: { maxConnections: limit } }, {}, async ({ sluice, backend }) => {
        const answers = await Promise.all(
          Array.from({ length: attempts }, () => call(sluice.port, { say: hello })),
        );
        assert.deepEqual(tally(answers), { shop: attempts });
        assert.ok(backend.mostLive <= limit, `${backend.mostLive} at once`);
      }));
  });
}
