import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { StuckEndpoint } from '../conformance/stuck-endpoint.ts';
import { buildHello } from '../tls/hello-builder.ts';
import { call, inParallel, tally } from './caller.ts';
import { NamedBackend, refusingAddress } from './named-backend.ts';
import { planes, SluiceProcess } from './sluice-process.ts';

const calls = 40;

for (const plane of planes) {
  describe(`with a dead endpoint beside a live one, the ${plane} data plane`, () => {
    let alive: NamedBackend;
    let stuck: StuckEndpoint;
    let refusing: string;

    before(async () => {
      alive = await NamedBackend.start('alive');
      stuck = await StuckEndpoint.open();
      refusing = await refusingAddress();
    });
    after(() => Promise.all([alive.close(), stuck.close()]));

    const callThrough = async (
      endpoints: readonly string[],
      use: (sluice: SluiceProcess) => Promise<void>,
    ) => {
      const sluice = await SluiceProcess.serve({
        workers: 2,
        dataPlane: plane,
        listeners: [{ name: 'edge', address: '127.0.0.1:0' }],
        routes: [{ upstream: 'shop' }],
        // Without passive health each connection has to find out for itself.
        upstreams: { shop: { endpoints, connectTimeout: '300ms', health: { passive: false } } },
      });
      try {
        await use(sluice);
      } finally {
        await sluice.end();
      }
    };

    for (const how of ['refuses', 'never answers'] as const) {
      test(`fails no client when it ${how}`, async () => {
        const dead = how === 'refuses' ? refusing : `127.0.0.1:${stuck.address.port}`;
        await callThrough([dead, alive.address], async (sluice) => {
          const answers = await inParallel(calls, 8, () => call(sluice.port));
          assert.deepEqual(tally(answers), { alive: calls });
          const lines = await sluice.accessed(calls);
          assert.deepEqual(tally(lines.map(({ outcome }) => outcome)), { ok: calls });
          assert.deepEqual(tally(lines.map(({ endpoint }) => String(endpoint))), { [alive.address]: calls });
          // Round-robin gives the dead one at least every second first attempt; nearly all, where retries take turns.
          const second = lines.filter(({ attempts }) => attempts === 2).length;
          assert.ok(second >= calls / 2 - 2, `${second} second attempts`);
        });
      });
    }

    test('fails no client when it accepts and resets', async () => {
      const resetting = await NamedBackend.start('resetting');
      resetting.answers = (socket) => socket.resetAndDestroy();
      try {
        await callThrough([resetting.address, alive.address], async (sluice) => {
          const answers = await inParallel(calls, 8, () => call(sluice.port));
          assert.deepEqual(tally(answers), { alive: calls });
          const lines = await sluice.accessed(calls);
          assert.deepEqual(tally(lines.map(({ outcome }) => outcome)), { ok: calls });
          const second = lines.filter(({ attempts }) => attempts === 2).length;
          assert.equal(second, resetting.accepted);
          assert.ok(second > 0);
        });
      } finally {
        await resetting.close();
      }
    });

    test('resets the client where it accepts and resets and there is no other', async () => {
      const resetting = await NamedBackend.start('resetting');
      resetting.answers = (socket) => socket.resetAndDestroy();
      try {
        await callThrough([resetting.address], async (sluice) => {
          assert.equal(await call(sluice.port), 'ECONNRESET');
          const [line] = await sluice.accessed(1);
          assert.deepEqual([line?.outcome, line?.attempts], ['upstream_reset', 1]);
          assert.equal(resetting.accepted, 1);
        });
      } finally {
        await resetting.close();
      }
    });

    test('passes over as many dead ones as there are attempts', async () => {
      await callThrough([refusing, `127.0.0.1:${stuck.address.port}`, alive.address], async (sluice) => {
        const answers = await inParallel(calls, 8, () => call(sluice.port));
        assert.deepEqual(tally(answers), { alive: calls });
        const lines = await sluice.accessed(calls);
        assert.ok(lines.some(({ attempts }) => attempts === 3));
      });
    });

    test('answers internal_error where none lives, after all attempts', async () => {
      await callThrough([refusing], async (sluice) => {
        assert.equal(await call(sluice.port, { say: buildHello({ serverName: 'shop.test' }) }), 'alert 80');
        const [line] = await sluice.accessed(1);
        assert.deepEqual([line?.outcome, line?.attempts], ['upstream_unreachable', 3]);
      });
    });
  });
}
