import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { buildHello } from '../tls/hello-builder.ts';
import { call, inParallel, tally } from './caller.ts';
import { NameWorld, testIsPossible } from './name-world.ts';
import { NamedBackend } from './named-backend.ts';
import { eventually, planes, SluiceProcess } from './sluice-process.ts';

/** Where an allowed name may not lead, and what is behind it; those of loopback would reach a listening backend. */
const refused = {
  loopback4: 'A 127.0.0.1',
  'loopback4-other': 'A 127.77.0.1',
  loopback6: 'AAAA ::1',
  mapped: 'AAAA ::ffff:127.0.0.1',
  compatible: 'AAAA ::127.0.0.1',
  'cloud-metadata': 'A 169.254.169.254',
  ten: 'A 10.1.2.3',
  'private-172': 'A 172.16.0.1',
  'private-192': 'A 192.168.0.1',
  'unique-local': 'AAAA fd00::1',
  'unique-local-fc': 'AAAA fc00::1',
  'link-local6': 'AAAA fe80::1',
  unspecified4: 'A 0.0.0.0',
  unspecified6: 'AAAA ::',
  'nat64-loopback': 'AAAA 64:ff9b::7f00:1',
  'nat64-metadata': 'AAAA 64:ff9b::a9fe:a9fe',
  'nat64-ten': 'AAAA 64:ff9b::a01:203',
  'nat64-local': 'AAAA 64:ff9b:1::7f00:1',
  '6to4-loopback': 'AAAA 2002:7f00:1::1',
  '6to4-metadata': 'AAAA 2002:a9fe:a9fe::1',
  '6to4-ten': 'AAAA 2002:a01:203::1',
} as const;
const records = [
  ...Object.entries(refused).map(([name, record]) => `${name}.refused 1 ${record}`),
  'both.refused 1 A 10.0.0.1',
  'both.refused 1 AAAA ::1',
  'alias.refused 1 CNAME loopback4.refused',
  'shop.allowed 1 A 127.0.0.1',
  'shop6.allowed 1 AAAA ::1',
  'dual.allowed 1 A 127.0.0.1',
  'dual.allowed 1 AAAA fd00:dead::1',
  'secret 1 A 127.0.0.1',
  'myself.allowed 1 A 127.0.0.1',
];

const possible = await testIsPossible();

for (const plane of planes) {
  describe(`connecting to the name asked for, the ${plane} data plane`, possible, () => {
    let world: NameWorld;
    let shop: NamedBackend;
    let shop6: NamedBackend;
    let sluice: SluiceProcess;

    before(async () => {
      world = await NameWorld.create(['127.0.0.1 hosts.refused.test hosts.allowed.test']);
      await world.knot.serve(records);
      shop = await NamedBackend.start('shop');
      // What reaches the port of any other address of this machine would be seen too.
      shop6 = await NamedBackend.start('shop6', { host: '::1', port: shop.port });
      const free = await NamedBackend.start('free');
      await free.close();
      const to = (name: string, more: object) => ({
        serverName: { allow: [`*.${name}.test`], port: shop.port, ...more },
        connectTimeout: '500ms',
      });
      sluice = await SluiceProcess.serve(
        {
          workers: 2,
          dataPlane: plane,
          listeners: [{ name: 'edge', address: `127.0.0.1:${free.port}` }],
          routes: [
            { serverNames: ['*.refused.test'], upstream: 'public' },
            { serverNames: ['myself.allowed.test'], upstream: 'myself' },
            { name: 'rest', upstream: 'private' },
          ],
          upstreams: {
            public: to('refused', {}),
            private: to('allowed', { allowPrivate: true }),
            myself: to('allowed', { allowPrivate: true, port: free.port }),
          },
        },
        undefined,
        world.through,
      );
    });
    after(async () => {
      await sluice.end();
      await Promise.all([shop.close(), shop6.close()]);
      await world.close();
    });

    const ask = (serverName: string | undefined) => call(sluice.port, { say: buildHello({ serverName }) });
    const outcomeFor = async (serverName: string | undefined) => {
      const [line] = await sluice.accessed(1, (line) => line.serverName === (serverName ?? null));
      return line?.outcome;
    };

    test('forwards an allowed name to where it resolves, by IPv4 and IPv6', async () => {
      assert.equal(await ask('shop.allowed.test'), 'shop');
      assert.equal(await ask('SHOP6.Allowed.Test.'), 'shop6');
      assert.equal(await outcomeFor('shop.allowed.test'), 'ok');
    });

    test('takes the hosts file into account', async () => {
      assert.equal(await ask('hosts.allowed.test'), 'shop');
    });

    test('turns to the other family when one does not answer', async () => {
      assert.equal(await ask('dual.allowed.test'), 'shop');
      const [line] = await sluice.accessed(1, ({ serverName }) => serverName === 'dual.allowed.test');
      assert.equal(line?.attempts, 2);
    });

    for (const [what, name] of [
      ['a name that is not allowed', 'secret.test'],
      ['a name of which the allowed ones are below', 'allowed.test'],
      ['a name that ends like an allowed one', 'notallowed.test'],
      ['no name', undefined],
    ] as const) {
      test(`refuses ${what}`, async () => {
        const before = shop.accepted;
        assert.equal(await ask(name), 'alert 112');
        assert.equal(await outcomeFor(name), 'name_not_allowed');
        assert.equal(shop.accepted, before);
      });
    }

    test('answers internal_error for an allowed name that does not exist', async () => {
      assert.equal(await ask('nothing.allowed.test'), 'alert 80');
      assert.equal(await outcomeFor('nothing.allowed.test'), 'upstream_unreachable');
    });

    for (const name of [...Object.keys(refused), 'both', 'alias', 'hosts'] as const) {
      const address = Object.entries(refused).find(([key]) => key === name)?.[1] ?? 'see records';
      test(`dials nobody for an allowed name that leads to a special address: ${name} (${address})`, async () => {
        const before = shop.accepted + shop6.accepted;
        assert.equal(await ask(`${name}.refused.test`), 'alert 112');
        assert.equal(await outcomeFor(`${name}.refused.test`), 'name_not_allowed');
        assert.equal(shop.accepted + shop6.accepted, before);
      });
    }

    test('does not connect to itself, private addresses being allowed or not', async () => {
      assert.equal(await ask('myself.allowed.test'), 'alert 112');
      assert.equal(await outcomeFor('myself.allowed.test'), 'name_not_allowed');
      // What had come round would have a line of its own, and before its cause.
      const lines = sluice.accesses.filter(({ serverName }) => serverName === 'myself.allowed.test');
      assert.deepEqual(
        lines.map(({ attempts }) => attempts),
        [0],
      );
    });

    test('follows a name that moves, as its TTL ends', async () => {
      await world.knot.serve([...records, 'moving.allowed 1 A 127.0.0.1']);
      const answers = () => inParallel(12, 1, () => ask('moving.allowed.test'));
      assert.deepEqual(tally(await answers()), { shop: 12 });
      await world.knot.serve([...records, 'moving.allowed 1 AAAA ::1']);
      await eventually('every worker has followed', async () => tally(await answers())['shop6'] === 12);
    });
  });
}
