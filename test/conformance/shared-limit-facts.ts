import assert from 'node:assert/strict';
import { describe } from 'node:test';

import { LiveLimit } from '../../src/upstream/limits/live-limit.ts';
import { newMemory } from '../upstream/limits/memory.ts';

import { expectForwards, fact, hello, type MakePlane, type Rig } from './rig.ts';
import { until } from './wait.ts';

/** The plane's limit, and the same as another process keeps it. */
function shareLimit(rig: Rig, limit: number, maxConnections = Number.POSITIVE_INFINITY) {
  const memory = newMemory(2);
  const own = new LiveLimit(memory, 0, limit);
  rig.plane.setMaxConnections(maxConnections, own);
  return { own, other: new LiveLimit(memory, 1, limit), memory };
}

async function knock(rig: Rig) {
  const client = await rig.connect();
  await client.send(hello);
  return client;
}

async function expectServed(rig: Rig) {
  await (await rig.upstream.next()).receive(hello.length);
}

export function sharedLimitFacts(makePlane: MakePlane): void {
  describe('with a limit that processes share', () => {
    fact(makePlane, 'says how many connections are live', async (rig) => {
      const { other } = shareLimit(rig, 3);
      const { client } = await rig.forward();
      assert.deepEqual([other.tryHold(3), other.tryHold(2)], [false, true]);
      other.hold(0);
      client.reset();
      await rig.expectEnding({ outcome: 'client_reset' });
      assert.equal(other.tryHold(3), true);
    });

    fact(makePlane, 'accepts none past it until another process lets go', async (rig) => {
      const { other } = shareLimit(rig, 2);
      assert.ok(other.tryHold(1));
      const first = await rig.forward();
      await knock(rig);
      await until(() => other.doOthersWait, 'that it waits');
      for (let round = 0; round < 20; round++) await expectForwards(first);
      assert.equal(rig.plane.connectionCount, 1);
      other.hold(0);
      await expectServed(rig);
      assert.equal(rig.plane.connectionCount, 2);
      assert.equal(other.doOthersWait, false);
    });

    fact(makePlane, 'takes its own next at once where nobody else waits', async (rig) => {
      shareLimit(rig, 1);
      const { client } = await rig.forward();
      await knock(rig);
      client.reset();
      await expectServed(rig);
    });

    fact(makePlane, 'serves whoever waits, also while others wait', async (rig) => {
      const { other } = shareLimit(rig, 1);
      other.setWaiting(true);
      const { client } = await rig.forward();
      await knock(rig);
      client.reset();
      await expectServed(rig);
    });

    fact(makePlane, 'keeps its own bound as well', async (rig) => {
      const { other } = shareLimit(rig, 9, 1);
      const first = await rig.forward();
      await knock(rig);
      for (let round = 0; round < 20; round++) await expectForwards(first);
      assert.equal(rig.plane.connectionCount, 1);
      assert.equal(other.doOthersWait, false);
      first.client.reset();
      await expectServed(rig);
    });

    fact(makePlane, 'keeps counting when the limit changes, and stops when it is gone', async (rig) => {
      const { other, memory } = shareLimit(rig, 1);
      await rig.forward();
      await knock(rig);
      rig.plane.setMaxConnections(Number.POSITIVE_INFINITY, new LiveLimit(memory, 0, 2));
      await expectServed(rig);
      const ofTwo = new LiveLimit(memory, 1, 2);
      assert.equal(ofTwo.tryHold(1), false);
      rig.plane.setMaxConnections(Number.POSITIVE_INFINITY);
      assert.equal(ofTwo.tryHold(2), true);
      assert.equal(other.doOthersWait, false);
      await knock(rig);
      await expectServed(rig);
    });

    fact(makePlane, 'holds nothing once it is closed', async (rig) => {
      const { other } = shareLimit(rig, 2);
      await rig.forward();
      await rig.forward();
      await knock(rig);
      await rig.plane.close();
      assert.equal(other.tryHold(2), true);
      assert.equal(other.doOthersWait, false);
    });
  });
}
