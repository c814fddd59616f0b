import { strict as assert } from 'node:assert';
import { describe } from 'node:test';
import { payload, sendUntilStopped, stopBlockBytes } from './payload.ts';
import type { Peer } from './peer.ts';
import { fact, hello, type MakePlane } from './rig.ts';

const mib = 1024 * 1024;
/** More than the kernel's buffers of four sockets with an idle reader hold, less than an unbounded plane would take. */
const underWayBytes = 64 * mib;
/** More than a plane may hold of one direction (a pipe, or two chunks) and the test itself, less than it would without a bound. */
const memoryBytes = 8 * mib;

/** INTERFACE 5: a slow reader slows its sender, in bounded memory, and nobody else. */
export function flowControlFacts(makePlane: MakePlane): void {
  describe('a slow reader', () => {
    fact(makePlane, 'downstream stops the upstream, and gets every byte in the end', async (rig) => {
      const { client, upstream } = await rig.forward();
      const bytes = await expectStopAndResume(upstream, client);
      client.end();
      upstream.end();
      await rig.expectEnding({ outcome: 'ok', bytesUp: hello.length, bytesDown: bytes });
    });

    fact(makePlane, 'upstream stops the client, and gets every byte in the end', async (rig) => {
      const { client, upstream } = await rig.forward();
      const bytes = await expectStopAndResume(client, upstream);
      client.end();
      upstream.end();
      await rig.expectEnding({ outcome: 'ok', bytesUp: hello.length + bytes, bytesDown: 0 });
    });

    fact(makePlane, 'of small messages stops their sender, and gets them all in the end', async (rig) => {
      const { client, upstream } = await rig.forward();
      client.stopReading();
      const { blocks, lastBlock } = await sendUntilStopped(upstream, 500);
      client.startReading();
      await lastBlock;
      const all = await client.receive((blocks + 1) * 500);
      for (let block = 0; block <= blocks; block++) assert.equal(all.readUInt32LE(500 * block), block);
    });

    fact(makePlane, 'does not slow the other direction', async (rig) => {
      const { client, upstream } = await rig.forward();
      client.stopReading();
      await sendUntilStopped(upstream);
      await client.send(payload(mib));
      assert.deepEqual(await upstream.receive(mib), payload(mib));
    });

    fact(makePlane, 'does not slow another connection', async (rig) => {
      const { client, upstream } = await rig.forward();
      client.stopReading();
      await sendUntilStopped(upstream);
      const startedAt = performance.now();
      const other = await rig.forward();
      for (let round = 0; round < 100; round++) {
        await other.client.send(payload(100));
        await other.upstream.receive(100);
        await other.upstream.send(payload(100));
        await other.client.receive(100);
      }
      assert.ok(performance.now() - startedAt < 2000);
    });
  });
}

/** Returns how much was sent. */
async function expectStopAndResume(sender: Peer, reader: Peer): Promise<number> {
  const before = process.memoryUsage();
  reader.stopReading();
  const { blocks, lastBlock } = await sendUntilStopped(sender);
  assert.ok(blocks * stopBlockBytes < underWayBytes, `${blocks} blocks are under way`);
  const after = process.memoryUsage();
  assert.ok(after.arrayBuffers - before.arrayBuffers < memoryBytes, 'array buffers grow');
  assert.ok(after.rss - before.rss < 4 * memoryBytes, 'memory grows');

  reader.startReading();
  await lastBlock;
  const rest = payload(stopBlockBytes).subarray(4);
  for (let block = 0; block <= blocks; block++) {
    const received = await reader.receive(stopBlockBytes);
    assert.equal(received.readUInt32LE(), block);
    assert.ok(received.subarray(4).equals(rest));
  }
  return (blocks + 1) * stopBlockBytes;
}
