import { strict as assert } from 'node:assert';
import { describe } from 'node:test';
import { payload, sendDigested, sendUntilStopped, stopBlockBytes } from './payload.ts';
import { fact, hello, type MakePlane } from './rig.ts';
import { dialTo } from './scripted-policy.ts';

const streamBytes = 8 * 1024 * 1024;

/** INTERFACE 5: a half-close is passed on either way. */
export function halfCloseFacts(makePlane: MakePlane): void {
  describe('a half-close', () => {
    fact(makePlane, 'of the client reaches the upstream, which still answers with megabytes', async (rig) => {
      const { client, upstream } = await rig.forward();
      client.end();
      assert.equal(await upstream.departure, 'fin');
      const digest = client.digest();
      const sent = await sendDigested(upstream, streamBytes);
      upstream.end();
      assert.equal(await digest, sent);
      assert.equal(await client.departure, 'fin');
      await rig.expectEnding({ outcome: 'ok', bytesUp: hello.length, bytesDown: streamBytes });
    });

    fact(makePlane, 'of the upstream reaches the client, which still sends megabytes', async (rig) => {
      const { client, upstream } = await rig.forward();
      upstream.end();
      assert.equal(await client.departure, 'fin');
      const digest = upstream.digest();
      const sent = await sendDigested(client, streamBytes);
      client.end();
      assert.equal(await digest, sent);
      assert.equal(await upstream.departure, 'fin');
      await rig.expectEnding({ outcome: 'ok', bytesUp: hello.length + streamBytes, bytesDown: 0 });
    });

    for (const first of ['client', 'upstream'] as const) {
      fact(makePlane, `of the ${first} that comes first is told of at the end`, async (rig) => {
        const ends = await rig.forward();
        const [leaver, stayer] =
          first === 'client' ? [ends.client, ends.upstream] : [ends.upstream, ends.client];
        leaver.end();
        assert.equal(await stayer.departure, 'fin');
        stayer.reset();
        await rig.expectEnding({ endedFirst: first });
      });
    }

    fact(makePlane, 'comes behind the last byte before it, both ways', async (rig) => {
      const { client, upstream } = await rig.forward();
      client.socket.end(payload(100_000, 3));
      assert.deepEqual(await upstream.receiveAll(), payload(100_000, 3));
      upstream.socket.end(payload(200_000, 4));
      assert.deepEqual(await client.receiveAll(), payload(200_000, 4));
      await rig.expectEnding({ outcome: 'ok', bytesUp: hello.length + 100_000, bytesDown: 200_000 });
    });

    fact(makePlane, 'of a client that sends its hello and ends reaches the upstream', async (rig) => {
      const client = await rig.connect();
      client.socket.end(hello);
      const upstream = await rig.upstream.next();
      assert.deepEqual(await upstream.receiveAll(), Buffer.from(hello));
      upstream.socket.end('answer');
      assert.equal((await client.receiveAll()).toString(), 'answer');
      await rig.expectEnding({ outcome: 'ok', bytesUp: hello.length, bytesDown: 6 });
    });

    fact(makePlane, 'while the policy is deciding is passed on once it has', async (rig) => {
      rig.policy.onHello = () => ({ kind: 'pending' });
      const client = await rig.connect();
      client.socket.end(Buffer.concat([hello, payload(1000)]));
      const { connection } = await rig.policy.hellos.next();
      rig.plane.answer(connection, dialTo(rig.endpoint));
      const upstream = await rig.upstream.next();
      assert.deepEqual(await upstream.receiveAll(), Buffer.concat([hello, payload(1000)]));
      upstream.end();
      await rig.expectEnding({ outcome: 'ok', bytesUp: hello.length + 1000, attempts: 1 });
    });

    fact(makePlane, 'of both sides at once ends the connection', async (rig) => {
      const { client, upstream } = await rig.forward();
      client.end();
      upstream.end();
      assert.deepEqual(await Promise.all([client.departure, upstream.departure]), ['fin', 'fin']);
      await rig.expectEnding({ outcome: 'ok' });
    });

    fact(makePlane, 'waits behind what a slow reader has yet to take', async (rig) => {
      const { client, upstream } = await rig.forward();
      client.stopReading();
      const { blocks } = await sendUntilStopped(upstream);
      upstream.end();
      client.startReading();
      assert.equal((await client.receiveAll()).length, (blocks + 1) * stopBlockBytes);
      client.end();
      await rig.expectEnding({ outcome: 'ok', bytesDown: (blocks + 1) * stopBlockBytes });
    });
  });
}
