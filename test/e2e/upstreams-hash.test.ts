import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { buildHello } from '../tls/hello-builder.ts';
import { type CallOptions, call, inParallel } from './caller.ts';
import { NamedBackend } from './named-backend.ts';
import { planes, SluiceProcess } from './sluice-process.ts';

const endpointCount = 5;
const keyCount = 400;
/** Each time another port, so that the kernel gives it to another worker. */
const callsForEach = 3;

const methods: Readonly<Record<string, (key: number) => CallOptions>> = {
  // All of 127/8 is this machine, on Linux.
  'source-hash': (key) => ({ from: `127.0.${1 + (key >> 8)}.${key & 255}` }),
  'server-name-hash': (key) => ({ say: buildHello({ serverName: `shop-${key}.test` }) }),
};

for (const plane of planes) {
  describe(`hashing with the ${plane} data plane`, { concurrency: true }, () => {
    let backends: NamedBackend[];

    before(async () => {
      backends = await NamedBackend.startAll(
        Array.from({ length: endpointCount }, (_, index) => `b${index}`),
      );
    });
    after(() => Promise.all(backends.map((backend) => backend.close())));

    for (const [balance, options] of Object.entries(methods)) {
      /** Where each key went, from a proxy of its own; fails when a key went to several endpoints. */
      const choices = async (endpoints: readonly NamedBackend[]): Promise<string[]> => {
        const sluice = await SluiceProcess.serve({
          workers: 2,
          dataPlane: plane,
          listeners: [{ name: 'edge', address: '127.0.0.1:0' }],
          routes: [{ upstream: 'shop' }],
          upstreams: {
            shop: {
              endpoints: endpoints.map(({ address }) => address),
              balance,
              slowStart: '30s',
            },
          },
          log: { access: 'off' },
        });
        try {
          const answers = await inParallel(keyCount * callsForEach, 32, (index) =>
            call(sluice.port, options(index % keyCount)),
          );
          const first = answers.slice(0, keyCount);
          for (const [index, answer] of answers.entries()) {
            assert.equal(answer, first[index % keyCount], `key ${index % keyCount}`);
          }
          return first;
        } finally {
          await sluice.end();
        }
      };

      test(`${balance}: the same endpoint in every worker, after a restart, and mostly with one less`, async (t) => {
        const before = await choices(backends);
        assert.equal(new Set(before).size, endpointCount, 'every endpoint is used');
        assert.deepEqual(await choices([...backends].reverse()), before);

        const [removed, ...rest] = backends;
        const after = await choices(rest);
        const moved = before.filter((name, key) => name !== after[key]);
        t.diagnostic(`${moved.length} of ${keyCount} keys moved with one of ${endpointCount} endpoints gone`);
        assert.ok(moved.length <= (1.5 / endpointCount) * keyCount, `${moved.length} moved`);
        assert.deepEqual(new Set(moved), new Set([removed?.name]));
      });
    }
  });
}
