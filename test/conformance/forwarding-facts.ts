import { strict as assert } from 'node:assert';
import { describe } from 'node:test';
import { payload, sendDigested } from './payload.ts';
import { fact, hello, type MakePlane, type Rig } from './rig.ts';
import { turns } from './wait.ts';

const kib = 1024;
const mib = 1024 * kib;
const gib = 1024 * mib;

/** INTERFACE 5: byte-exact both ways. */
export function forwardingFacts(makePlane: MakePlane): void {
  describe('forwarding', () => {
    for (const bytes of [1, 2, 100, kib, 16 * kib - 1, 64 * kib, 64 * kib + 1, mib, 64 * mib]) {
      fact(makePlane, `is exact for ${bytes} bytes up`, (rig) => expectExact(rig, { up: bytes, down: 0 }));
      fact(makePlane, `is exact for ${bytes} bytes down`, (rig) => expectExact(rig, { up: 0, down: bytes }));
      fact(makePlane, `is exact for ${bytes} bytes both ways at once`, (rig) =>
        expectExact(rig, { up: bytes, down: bytes }),
      );
    }

    if (process.env['SLUICE_CONFORMANCE_BIG'] === '1') {
      const bounds = { timeoutMs: 300_000 };
      fact(
        makePlane,
        'is exact for 1 GiB both ways',
        (rig) => expectExact(rig, { up: gib, down: gib }),
        bounds,
      );
    }

    fact(makePlane, 'answers request after request', async (rig) => {
      const { client, upstream } = await rig.forward();
      let bytes = 0;
      for (let round = 1; round <= 500; round++) {
        const size = (round * 37) % 3000;
        const request = payload(size + 1, round);
        await client.send(request);
        assert.deepEqual(await upstream.receive(request.length), request);
        await upstream.send(request);
        assert.deepEqual(await client.receive(request.length), request);
        bytes += request.length;
      }
      client.end();
      upstream.end();
      await rig.expectEnding({ outcome: 'ok', bytesUp: hello.length + bytes, bytesDown: bytes });
    });

    fact(makePlane, 'holds no small message back to join it with the next', async (rig) => {
      const { client, upstream } = await rig.forward();
      const startedAt = performance.now();
      for (let round = 0; round < 50; round++) {
        for (const [sender, receiver] of [
          [client, upstream],
          [upstream, client],
        ] as const) {
          await sender.send(payload(10));
          await turns(3);
          await sender.send(payload(10));
          await receiver.receive(20);
        }
      }
      assert.ok(performance.now() - startedAt < 1000);
    });

    fact(makePlane, 'keeps many connections apart', async (rig) => {
      const pairs = await Promise.all(Array.from({ length: 40 }, () => rig.forward()));
      // Each client names itself, so that the upstream it reached is known whatever order they came in.
      const upstreams = await Promise.all(
        pairs.map(async ({ client, upstream }, index) => {
          await client.send(Buffer.from([index]));
          return upstream;
        }),
      );
      await Promise.all(
        upstreams.map(async (upstream) => {
          const [index = 0] = await upstream.receive(1);
          const sent = sendDigested(upstream, 300_000, index + 1);
          const got = pairs[index]?.client.digest(300_000);
          assert.equal(await got, await sent);
        }),
      );
    });

    fact(makePlane, 'shows the bytes of a live connection so far', async (rig) => {
      const { client, upstream, connection } = await rig.forward();
      await client.send(payload(1000));
      await upstream.receive(1000);
      await upstream.send(payload(2000));
      await client.receive(2000);
      assert.deepEqual([...rig.plane.connections()], [connection]);
      assert.equal(connection.bytesUp, hello.length + 1000);
      assert.equal(connection.bytesDown, 2000);
      assert.ok(connection.ageMs > 0);
    });
  });
}

async function expectExact(rig: Rig, { up, down }: { up: number; down: number }): Promise<void> {
  const { client, upstream } = await rig.forward();
  const received = [upstream.digest(), client.digest()];
  const sent = await Promise.all([sendDigested(client, up, 1), sendDigested(upstream, down, 2)]);
  client.end();
  upstream.end();
  assert.deepEqual(await Promise.all(received), sent);
  await rig.expectEnding({ outcome: 'ok', bytesUp: hello.length + up, bytesDown: down, attempts: 1 });
}
