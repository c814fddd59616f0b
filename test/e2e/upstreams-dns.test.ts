import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Caller, call, inParallel, tally } from './caller.ts';
import { NameWorld, testIsPossible } from './name-world.ts';
import { NamedBackend, ownLoopbackAddress } from './named-backend.ts';
import { eventually, planes, SluiceProcess } from './sluice-process.ts';

const ttlSeconds = 2;
/** A change is followed within the TTL and a second; the rest is for a busy machine. */
const followedWithinMs = ttlSeconds * 1000 + 1000 + 500;

const possible = await testIsPossible();

for (const plane of planes) {
  describe(`endpoints by DNS and the ${plane} data plane`, possible, () => {
    const [hostA, hostB, hostC] = [1, 2, 3].map(ownLoopbackAddress);
    let world: NameWorld;
    /** On one port, as the addresses of one name have to be. */
    let a: NamedBackend;
    let b: NamedBackend;
    let c: NamedBackend;
    let v6: NamedBackend;

    before(async () => {
      world = await NameWorld.create();
      [a, b, c, v6] = await startOnOnePort([hostA, hostB, hostC, '::1']);
    });
    after(async () => {
      await Promise.all([a, b, c, v6].map((backend) => backend.close()));
      await world.close();
    });

    const withSluice = async (endpoint: object, use: (sluice: SluiceProcess) => Promise<void>) => {
      const config = {
        workers: 2,
        dataPlane: plane,
        listeners: [{ name: 'edge', address: '127.0.0.1:0' }],
        routes: [{ upstream: 'shop' }],
        upstreams: { shop: { endpoints: [endpoint] } },
      };
      const sluice = await SluiceProcess.serve(config, undefined, world.through);
      try {
        await use(sluice);
      } finally {
        await sluice.end();
      }
    };
    const served = async (sluice: SluiceProcess, calls = 12) =>
      tally(await inParallel(calls, 2, () => call(sluice.port)));
    const servedBy = (sluice: SluiceProcess, ...names: string[]) =>
      eventually(`served by ${names}`, async () => {
        const got = Object.keys(await served(sluice));
        return got.length === names.length && names.every((name) => got.includes(name));
      });
    /** Makes these the records, and waits until the proxy has followed; returns how long that took. */
    const follow = async (sluice: SluiceProcess, records: readonly string[]): Promise<number> => {
      const from = sluice.log.length;
      const changedAt = Date.now();
      await world.knot.serve(records);
      const line = await sluice.found('the change', ({ msg }) => msg === 'endpoints changed', from);
      return Date.parse(line.time ?? '') - changedAt;
    };

    test('follow a change of A and AAAA records within TTL + 1 s; what is gone keeps its live connections', async (t) => {
      await world.knot.serve([`app ${ttlSeconds} A ${hostA}`, `app ${ttlSeconds} A ${hostB}`]);
      await withSluice({ dns: `app.test:${a.port}` }, async (sluice) => {
        await servedBy(sluice, 'a', 'b');
        const live = [new Caller(sluice.port), new Caller(sluice.port), new Caller(sluice.port)];
        const by = await Promise.all(live.map((caller) => caller.ask()));

        // The second change comes when the answer is fresh.
        for (const [address, name] of [
          [hostB, 'b'],
          [hostC, 'c'],
        ] as const) {
          const records = [`app ${ttlSeconds} A ${address}`, `app ${ttlSeconds} AAAA ::1`];
          const tookMs = await follow(sluice, records);
          t.diagnostic(`followed after ${tookMs} ms, TTL ${ttlSeconds} s`);
          assert.ok(tookMs <= followedWithinMs, `${tookMs} ms`);
          await servedBy(sluice, name, 'v6');
        }
        assert.deepEqual(Object.keys(await served(sluice)).sort(), ['c', 'v6']);

        assert.deepEqual(await Promise.all(live.map((caller) => caller.ask())), by);
        for (const caller of live) caller.destroy();
      });
    });

    test('follow SRV records: weights within the best priority, others when it fails or is gone', async (t) => {
      const targets = [
        `ta ${ttlSeconds} A ${hostA}`,
        `tb ${ttlSeconds} A ${hostB}`,
        `tc ${ttlSeconds} A ${hostC}`,
        `td ${ttlSeconds} AAAA ::1`,
      ];
      const srv = (priority: number, weight: number, target: string) =>
        `_shop._tcp.app ${ttlSeconds} SRV ${priority} ${weight} ${a.port} ${target}`;
      await world.knot.serve([...targets, srv(10, 3, 'ta'), srv(10, 1, 'tb'), srv(20, 1, 'tc')]);
      await withSluice({ srv: '_shop._tcp.app.test' }, async (sluice) => {
        const got = await served(sluice, 200);
        t.diagnostic(JSON.stringify(got));
        assert.deepEqual(Object.keys(got).sort(), ['a', 'b']);
        assert.ok(Math.abs((got['a'] ?? 0) - 150) <= 4, `${got['a']} of 150`);

        // Nothing of the best priority answers: the next takes over, and no client sees it.
        await Promise.all([a.close(), b.close()]);
        assert.deepEqual(await served(sluice), { c: 12 });

        const tookMs = await follow(sluice, [...targets, srv(30, 1, 'td')]);
        t.diagnostic(`followed after ${tookMs} ms, TTL ${ttlSeconds} s`);
        assert.ok(tookMs <= followedWithinMs, `${tookMs} ms`);
        await servedBy(sluice, 'v6');
        a = await NamedBackend.start('a', { host: hostA ?? '', port: a.port });
        b = await NamedBackend.start('b', { host: hostB ?? '', port: b.port });
      });
    });

    test('keep the last good answer while looking up fails, and follow again afterwards', async () => {
      await world.knot.serve([`app 1 A ${hostA}`, `app 1 A ${hostB}`]);
      await withSluice({ dns: `app.test:${a.port}` }, async (sluice) => {
        await servedBy(sluice, 'a', 'b');
        await world.knot.pause();
        const failing = await sluice.found('the failure', ({ msg }) => msg === 'looking up endpoints fails');
        assert.deepEqual([failing.level, failing.upstream, failing.kept], ['warn', 'shop', 2]);
        await servedBy(sluice, 'a', 'b');
        const from = sluice.log.length;
        await world.knot.resume();
        await world.knot.serve([`app 1 A ${hostC}`]);
        await sluice.found('the recovery', ({ msg }) => msg === 'looking up endpoints works again', from);
        await servedBy(sluice, 'c');
      });
    });

    test('serve as soon as a name that had no address gets one', async () => {
      await world.knot.serve([]);
      await withSluice({ dns: `late.test:${a.port}` }, async (sluice) => {
        assert.equal(await call(sluice.port), 'end');
        await sluice.accessed(1, ({ outcome }) => outcome === 'upstream_unreachable');
        await world.knot.serve([`late 1 A ${hostB}`]);
        await servedBy(sluice, 'b');
      });
    });
  });
}

/** Somebody else may have the port on one of the addresses: then another port. */
async function startOnOnePort(
  hosts: readonly (string | undefined)[],
): Promise<[NamedBackend, NamedBackend, NamedBackend, NamedBackend]> {
  const [hostA = '', hostB = '', hostC = '', host6 = ''] = hosts;
  for (let attempt = 1; ; attempt++) {
    const v6 = await NamedBackend.start('v6', { host: host6 });
    const { port } = v6;
    try {
      const a = await NamedBackend.start('a', { host: hostA, port });
      const b = await NamedBackend.start('b', { host: hostB, port });
      return [a, b, await NamedBackend.start('c', { host: hostC, port }), v6];
    } catch (error) {
      await v6.close();
      if (attempt === 3) throw error;
    }
  }
}
