import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

import { call, tally } from './caller.ts';
import { NamedBackend, ownLoopbackAddress } from './named-backend.ts';
import { eventually, planes, SluiceProcess } from './sluice-process.ts';

const ejectForMs = 4000;
/** What one worker has found out reaches the others within this, on a busy machine too. */
const tellingMs = 500;
const slackMs = 1500;

for (const plane of planes) {
  describe(`passive ejection and the ${plane} data plane`, { concurrency: true }, () => {
    let good: NamedBackend;

    before(async () => {
      good = await NamedBackend.start('good');
    });
    after(() => good.close());

    const serve = (bad: string, workers: number) =>
      SluiceProcess.serve({
        workers,
        dataPlane: plane,
        listeners: [{ name: 'edge', address: '127.0.0.1:0' }],
        routes: [{ upstream: 'shop' }],
        upstreams: {
          shop: {
            endpoints: [bad, good.address],
            health: { passive: { failures: 3, window: '1m', ejectFor: `${ejectForMs}ms` } },
          },
        },
      });

    test('three failures in one worker eject an endpoint from all of them, until its time is up', async (t) => {
      const host = ownLoopbackAddress(1);
      const gone = await NamedBackend.start('gone', { host });
      await gone.close();
      const sluice = await serve(gone.address, 4);
      let returned: NamedBackend | undefined;
      try {
        const isState = (wanted: string) => (line: { msg: string; state?: string; endpoint?: string }) =>
          line.msg === 'endpoint state' && line.endpoint === gone.address && line.state === wanted;
        let before = 0;
        for (; !sluice.log.some(isState('ejected')); before++) {
          assert.equal(await call(sluice.port), 'good');
        }
        const ejected = sluice.log.find(isState('ejected'));
        assert.equal(ejected?.why, '3 failures within 60 s');
        await delay(tellingMs);
        await sluice.accessed(before);
        for (let turn = 0; turn < 40; turn++) assert.equal(await call(sluice.port), 'good');
        const lines = (await sluice.accessed(before + 40)).slice(before);
        assert.equal(sluice.log.find(isState('up')), undefined);
        assert.deepEqual(tally(lines.map(({ attempts }) => String(attempts))), { 1: 40 });

        returned = await NamedBackend.start('returned', { host, port: gone.port });
        const up = await sluice.found('the return', isState('up'));
        const outMs = Date.parse(up.time ?? '') - Date.parse(ejected?.time ?? '');
        t.diagnostic(`out for ${outMs} ms of ${ejectForMs}`);
        assert.ok(outMs >= ejectForMs - 50 && outMs <= ejectForMs + slackMs, `${outMs} ms`);
        await eventually('traffic follows', async () => (await call(sluice.port)) === 'returned');
      } finally {
        await sluice.end();
        await returned?.close();
      }
    });

    test('connections that the endpoint resets before its first byte count as failures', async () => {
      const rude = await startRude();
      let taken = 0;
      rude.on('connection', () => taken++);
      const { address, port } = rude.address() as AddressInfo;
      const sluice = await serve(`${address}:${port}`, 1);
      try {
        const answers: string[] = [];
        while (!sluice.log.some(({ msg }) => msg === 'endpoint state')) answers.push(await call(sluice.port));
        for (let turn = 0; turn < 10; turn++) answers.push(await call(sluice.port));
        // What it had taken went to the other; once it is ejected, nobody gets there.
        assert.deepEqual(tally(answers), { good: answers.length });
        assert.equal(taken, 3);
      } finally {
        await sluice.end();
        rude.close();
      }
    });
  });
}

/** Accepts, and resets as soon as it is spoken to. */
async function startRude(): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.resetAndDestroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
