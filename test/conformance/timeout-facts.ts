import { strict as assert } from 'node:assert';
import { describe } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { ForwardTimeouts } from '../../src/data-plane/data-plane.ts';
import type { Outcome } from '../../src/data-plane/outcome.ts';
import { payload, sendUntilStopped } from './payload.ts';
import { fact, hello, type MakePlane, type Rig } from './rig.ts';
import { dialTo, type SeenEnding } from './scripted-policy.ts';

const shortMs = 300;
/** Timers may fire a millisecond early by another clock than the one that set them. */
const earliestMs = shortMs - 2;
const latestMs = shortMs + 2000;
const long = 15_000;

/** INTERFACE 2: the hello's timeout from accept, the idle one, the half-closed one. */
export function timeoutFacts(makePlane: MakePlane): void {
  const listener = { helloTimeoutMs: shortMs };

  describe('the hello timeout', () => {
    fact(makePlane, 'ends a client that sends nothing, with FIN', (rig) => expectLateHello(rig, 0), {
      listener,
    });
    fact(makePlane, 'ends a client that sends half a hello', (rig) => expectLateHello(rig, 90), { listener });

    fact(
      makePlane,
      'counts from accept, whatever trickles in',
      async (rig) => {
        const client = await rig.connect();
        let isOver = false;
        let sent = 0;
        void client.departure.then(() => {
          isOver = true;
        });
        while (!isOver) {
          if (client.socket.writable) client.socket.write(hello.subarray(sent, sent + 1));
          sent++;
          await delay(20);
        }
        assert.ok(sent < hello.length);
        await expectLate(rig, 'hello_timeout');
      },
      { listener },
    );

    fact(
      makePlane,
      'includes the PROXY header',
      async (rig) => {
        rig.policy.onAccepted = () => 'proxy-header';
        const client = await rig.connect();
        await client.send(Buffer.from('PROXY TCP4 192.0.2.1'));
        assert.equal((await client.receiveAll()).length, 0);
        const ending = await expectLate(rig, 'hello_timeout');
        assert.equal(ending.bytesUp, 0);
      },
      { listener: { ...listener, asksOnAccept: true } },
    );

    fact(
      makePlane,
      'does not bound what comes after the hello',
      async (rig) => {
        const { client, upstream } = await rig.forward();
        await delay(2 * shortMs);
        await client.send(payload(10));
        await upstream.receive(10);
      },
      { listener },
    );
  });

  describe('the idle timeout', () => {
    const timeouts = { idleMs: shortMs, halfClosedMs: long };

    fact(makePlane, 'ends a connection that moves nothing', async (rig) => {
      dialWith(rig, timeouts);
      const { client, upstream } = await rig.forward();
      await Promise.all([client.departure, upstream.departure]);
      await expectLate(rig, 'idle_timeout');
    });

    fact(makePlane, 'ends a half-closed connection that moves nothing', async (rig) => {
      dialWith(rig, timeouts);
      const { client, upstream } = await rig.forward();
      client.end();
      assert.equal(await upstream.departure, 'fin');
      await expectLate(rig, 'idle_timeout');
    });

    fact(makePlane, 'ends a connection whose reader has stopped', async (rig) => {
      dialWith(rig, { idleMs: 4 * shortMs, halfClosedMs: long });
      const { client, upstream } = await rig.forward();
      client.stopReading();
      (await sendUntilStopped(upstream)).lastBlock.catch(() => {});
      await upstream.departure;
      await rig.expectEnding({ outcome: 'idle_timeout' });
    });

    for (const [name, sender] of [
      ['up', 'client'],
      ['down', 'upstream'],
    ] as const) {
      fact(makePlane, `is put off by each byte ${name}`, async (rig) => {
        dialWith(rig, timeouts);
        const forwarded = await rig.forward();
        const receiver = sender === 'client' ? forwarded.upstream : forwarded.client;
        for (let round = 0; round < 4; round++) {
          await delay(shortMs / 2);
          await forwarded[sender].send(Buffer.from([round]));
          await receiver.receive(1);
        }
        await receiver.departure;
        const ending = await rig.expectEnding({ outcome: 'idle_timeout' });
        assert.ok(ending.durationMs >= 2 * shortMs + earliestMs);
      });
    }
  });

  describe('the half-closed timeout', () => {
    const timeouts = { idleMs: long, halfClosedMs: shortMs };

    for (const side of ['client', 'upstream'] as const) {
      fact(makePlane, `ends a connection whose ${side} has ended`, async (rig) => {
        dialWith(rig, timeouts);
        const forwarded = await rig.forward();
        const other = side === 'client' ? forwarded.upstream : forwarded.client;
        forwarded[side].end();
        assert.equal(await other.departure, 'fin');
        await forwarded[side].departure;
        await expectLate(rig, 'half_closed_timeout');
      });
    }

    fact(makePlane, 'does not touch a connection that is open both ways', async (rig) => {
      dialWith(rig, timeouts);
      const { client, upstream } = await rig.forward();
      await delay(2 * shortMs);
      await client.send(payload(10));
      await upstream.receive(10);
    });
  });
}

async function expectLateHello(rig: Rig, bytes: number): Promise<void> {
  const client = await rig.connect();
  if (bytes > 0) await client.send(hello.subarray(0, bytes));
  assert.equal((await client.receiveAll()).length, 0);
  const ending = await expectLate(rig, 'hello_timeout');
  assert.equal(ending.bytesUp, bytes);
  assert.equal(ending.attempts, 0);
  assert.equal(ending.helloMs, undefined);
}

async function expectLate(rig: Rig, outcome: Outcome): Promise<SeenEnding> {
  const ending = await rig.expectEnding({ outcome });
  const { durationMs } = ending;
  assert.ok(durationMs >= earliestMs && durationMs < latestMs, `after ${durationMs} ms`);
  return ending;
}

function dialWith(rig: Rig, timeouts: ForwardTimeouts): void {
  rig.policy.onHello = () => dialTo(rig.endpoint, { timeouts });
}
