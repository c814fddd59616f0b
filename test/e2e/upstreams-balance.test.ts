import assert from 'node:assert/strict';
import { readdirSync, readlinkSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';

import { buildHello } from '../tls/hello-builder.ts';
import { Caller, call, inParallel, tally } from './caller.ts';
import { NamedBackend } from './named-backend.ts';
import { planes, SluiceProcess } from './sluice-process.ts';

const connections = 10_000;
const heldConnections = 300;
const hello = buildHello({ serverName: 'shop.test' });

const weights: Readonly<Record<string, number>> = { light: 1, middle: 2, heavy: 5, none: 0 };

for (const plane of planes) {
  describe(`two workers of the ${plane} data plane`, () => {
    let backends: NamedBackend[];

    before(async () => {
      backends = await NamedBackend.startAll(Object.keys(weights));
    });
    after(() => Promise.all(backends.map((backend) => backend.close())));

    const withSluice = async (balance: string, use: (sluice: SluiceProcess) => Promise<void>) => {
      const endpoints = backends.map(({ name, address }) => ({ address, weight: weights[name] }));
      const sluice = await SluiceProcess.serve({
        workers: 2,
        dataPlane: plane,
        listeners: [{ name: 'edge', address: '127.0.0.1:0' }],
        routes: [{ serverNames: ['shop.test'], upstream: 'shop' }],
        upstreams: { shop: { endpoints, balance } },
        log: { access: 'off' },
      });
      try {
        await use(sluice);
      } finally {
        await sluice.end();
      }
    };

    test(`give ${connections} connections out by weight, round-robin, within 5 %`, (t) =>
      withSluice('round-robin', async (sluice) => {
        const startedAt = performance.now();
        const answers = await inParallel(connections, 64, () => call(sluice.port, { say: hello }));
        const got = tally(answers);
        t.diagnostic(`${JSON.stringify(got)} in ${Math.round(performance.now() - startedAt)} ms`);
        assertByWeight(got, connections, 0.05);
      }));

    for (const [balance, tolerance] of [
      ['least-connections', 0.05],
      ['random-two-choices', 0.1],
    ] as const) {
      test(`level ${heldConnections} live connections by weight, ${balance}, within ${tolerance * 100} %`, (t) =>
        withSluice(balance, async (sluice) => {
          const before = sluice.workerPids.map(openSockets);
          const callers: Caller[] = [];
          const answers = await inParallel(heldConnections, 32, () => {
            const caller = new Caller(sluice.port, { say: hello });
            callers.push(caller);
            return caller.ask();
          });
          const held = sluice.workerPids.map((pid, index) => openSockets(pid) - (before[index] ?? 0));
          const got = tally(answers);
          t.diagnostic(`${JSON.stringify(got)}; sockets by worker: ${held.join(', ')}`);
          assertByWeight(got, heldConnections, tolerance);
          assert.ok(
            held.every((sockets) => sockets >= heldConnections / 5),
            `both workers have their part: ${held}`,
          );
          for (const caller of callers) caller.destroy();
        }));
    }
  });
}

function assertByWeight(got: Record<string, number>, total: number, tolerance: number): void {
  const sum = Object.values(weights).reduce((left, right) => left + right);
  for (const [name, weight] of Object.entries(weights)) {
    const expected = (total * weight) / sum;
    const off = Math.abs((got[name] ?? 0) - expected);
    // A connection is not divisible: with few of them, one or two are more than the tolerance.
    assert.ok(
      off <= Math.max(tolerance * expected, weight === 0 ? 0 : 2),
      `${name}: ${got[name]} for ${expected}`,
    );
  }
  assert.equal(
    Object.values(got).reduce((left, right) => left + right),
    total,
  );
}

/** Linux: how many sockets a process has open. */
function openSockets(pid: number): number {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).filter((fd) => {
    try {
      return readlinkSync(`${folder}/${fd}`).startsWith('socket:');
    } catch {
      return false;
    }
  }).length;
}
