import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { adminAddress, askJson, scrape } from '../admin/admin-requests.ts';
import { createTestAuthority, type TestAuthority } from '../certificates.ts';
import { BackendProcess } from './backend-process.ts';
import { call, inParallel, tally } from './caller.ts';
import { NamedBackend, ownLoopbackAddress } from './named-backend.ts';
import { eventually, planes, SluiceProcess } from './sluice-process.ts';

const intervalMs = 400;
const timeoutMs = 300;
const unhealthyAfter = 3;
const healthyAfter = 2;
/** Intervals vary by a tenth; the rest is for a busy machine. */
const jitter = 1.1;
const slackMs = 1500;
const downWithinMs = intervalMs * jitter * unhealthyAfter + timeoutMs + slackMs;
const upWithinMs = intervalMs * jitter * healthyAfter + timeoutMs + slackMs;

/** Why an endpoint is up, as the status says it. */
const accepted = { tcp: 'accepts connections', tls: 'answers with TLSv1.3' };

let authority: TestAuthority;
before(async () => {
  authority = await createTestAuthority();
});
after(() => authority.remove());

for (const plane of planes) {
  describe(`active probes and the ${plane} data plane`, { concurrency: true }, () => {
    for (const [index, probe] of (['tcp', 'tls'] as const).entries()) {
      test(`${probe}: an endpoint that is killed, returns, hangs and returns is noticed each time`, async (t) => {
        const host = ownLoopbackAddress(1 + index);
        const certificate = await authority.authority.issue(['shop.test']);
        const watched = await BackendProcess.start({ name: 'watched', host, certificate });
        const other = await BackendProcess.start({ name: 'other', host, certificate });
        const times = { interval: `${intervalMs}ms`, timeout: `${timeoutMs}ms` };
        const sluice = await SluiceProcess.serve({
          workers: 2,
          dataPlane: plane,
          admin: { address: '127.0.0.1:0' },
          listeners: [{ name: 'edge', address: '127.0.0.1:0' }],
          routes: [{ upstream: 'shop' }],
          upstreams: {
            shop: {
              endpoints: [watched.address, other.address],
              connectAttempts: 1,
              connectTimeout: '5s',
              health: { active: { probe, ...times, healthyAfter, unhealthyAfter }, passive: false },
            },
          },
        });
        /** Does it, and waits until its consequence is in the log; returns how long that took. */
        const changes = async (state: 'up' | 'down', change: () => unknown): Promise<number> => {
          const from = sluice.log.length;
          await change();
          const changedAt = Date.now();
          const line = await sluice.found(
            `endpoint ${state}`,
            (line) => line.msg === 'endpoint state' && line.endpoint === watched.address,
            from,
          );
          assert.equal(line.state, state);
          assert.equal(line.upstream, 'shop');
          assert.equal(line.why !== '', state === 'down');
          const tookMs = Date.parse(line.time ?? '') - changedAt;
          assert.deepEqual(await reported(sluice, watched.address), {
            state,
            why: state === 'up' ? accepted[probe] : line.why,
            up: state === 'up' ? 1 : 0,
          });
          t.diagnostic(`${state} after ${tookMs} ms: ${line.why}`);
          return tookMs;
        };
        const served = async (): Promise<Record<string, number>> =>
          tally(await inParallel(8, 1, () => call(sluice.port)));
        const servedByBoth = () =>
          eventually('both serve', async () => {
            const { watched = 0, other = 0 } = await served();
            return watched >= 2 && other >= 2;
          });
        const servedByOther = () =>
          eventually('only the other serves', async () => (await served())['other'] === 8);
        try {
          await servedByBoth();
          assert.ok((await changes('down', () => watched.kill())) <= downWithinMs);
          await servedByOther();
          assert.ok((await changes('up', () => watched.start())) <= upWithinMs);
          await servedByBoth();
          // A connect probe sees the hang once the accept queue is full: that takes two probes more.
          const fillMs = probe === 'tcp' ? 2 * intervalMs * jitter : 0;
          assert.ok((await changes('down', () => watched.suspend())) <= downWithinMs + fillMs);
          await servedByOther();
          assert.ok((await changes('up', () => watched.resume())) <= upWithinMs);
          await servedByBoth();
          // Each change is told once.
          assert.equal(sluice.log.filter(({ msg }) => msg === 'endpoint state').length, 4);
        } finally {
          await sluice.end();
          await Promise.all([watched.kill(), other.kill()]);
        }
      });
    }

    test('endpoints of which every one is down are tried all the same', async () => {
      // A plain TCP server fails TLS probes and serves all the same.
      const plain = await NamedBackend.start('plain');
      const sluice = await SluiceProcess.serve({
        workers: 2,
        dataPlane: plane,
        listeners: [{ name: 'edge', address: '127.0.0.1:0' }],
        routes: [{ upstream: 'shop' }],
        upstreams: {
          shop: {
            endpoints: [plain.address],
            health: { active: { probe: 'tls', interval: '100ms', timeout: '1s', unhealthyAfter: 1 } },
          },
        },
      });
      try {
        const { state, why } = await sluice.found('endpoint down', ({ msg }) => msg === 'endpoint state');
        assert.deepEqual([state, why], ['down', 'the answer is not TLS']);
        assert.equal(await call(sluice.port), 'plain');
      } finally {
        await sluice.end();
        await plain.close();
      }
    });
  });
}

/** What the admin server says of an endpoint, in its status and its metrics. */
async function reported(sluice: SluiceProcess, endpoint: string): Promise<object> {
  const admin = adminAddress(sluice);
  const up = (await scrape(admin)).get(`sluice_endpoint_up{upstream="shop",endpoint="${endpoint}"}`);
  const { json } = await askJson(admin, '/status');
  const { upstreams } = json as { upstreams: { endpoints: Record<string, string>[] }[] };
  const status = upstreams[0]?.endpoints.find((each) => each['endpoint'] === endpoint);
  return { state: status?.['state'], why: status?.['why'], up };
}
