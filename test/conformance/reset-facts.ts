import { strict as assert } from 'node:assert';
import { describe } from 'node:test';
import type { Outcome } from '../../src/data-plane/outcome.ts';
import { payload, sendUntilStopped, stopBlockBytes } from './payload.ts';
import type { Peer } from './peer.ts';
import { type Forwarded, fact, hello, type MakePlane } from './rig.ts';
import { sendQueueBytes } from './send-queue.ts';
import { turns, until } from './wait.ts';

/** A direction: who sends and is reset, who gets it, and what that is called. */
interface Direction {
  readonly name: 'client' | 'upstream';
  readonly outcome: Outcome;
  ends(forwarded: Forwarded): { readonly sender: Peer; readonly receiver: Peer };
}

const directions: readonly Direction[] = [
  {
    name: 'client',
    outcome: 'client_reset',
    ends: ({ client, upstream }) => ({ sender: client, receiver: upstream }),
  },
  {
    name: 'upstream',
    outcome: 'upstream_reset',
    ends: ({ client, upstream }) => ({ sender: upstream, receiver: client }),
  },
];

/** INTERFACE 5: a reset on one side becomes a reset on the other, once what came before it has been forwarded. */
export function resetFacts(makePlane: MakePlane): void {
  for (const { name, outcome, ends } of directions) {
    describe(`a reset of the ${name}`, () => {
      fact(makePlane, 'resets the other side', async (rig) => {
        const { sender, receiver } = ends(await rig.forward());
        sender.reset();
        assert.equal(await receiver.departure, 'reset');
        await rig.expectEnding({ outcome, bytesUp: hello.length, bytesDown: 0, attempts: 1 });
      });

      fact(makePlane, 'comes behind the bytes sent right before it', async (rig) => {
        const { sender, receiver } = ends(await rig.forward());
        await sender.send(payload(30_000));
        await untilDelivered(sender);
        sender.reset();
        await expectReset(receiver);
        assert.deepEqual(receiver.takeUnread(), payload(30_000));
        await rig.expectEnding({ outcome, endedFirst: name });
      });

      fact(makePlane, 'comes behind the bytes that a slow reader has yet to take', async (rig) => {
        const { sender, receiver } = ends(await rig.forward());
        receiver.stopReading();
        await sender.send(payload(30_000));
        await untilDelivered(sender);
        sender.reset();
        await turns(20);
        // Whoever drains must wait for it.
        assert.ok(rig.plane.connectionCount === 0 || !rig.plane.isIdle);
        receiver.startReading();
        await expectReset(receiver);
        assert.deepEqual(receiver.takeUnread(), payload(30_000));
        await rig.expectEnding({ outcome });
      });

      fact(makePlane, 'comes behind all that fills the way to a slow reader', async (rig) => {
        const { sender, receiver } = ends(await rig.forward());
        receiver.stopReading();
        const { blocks, lastBlock } = await sendUntilStopped(sender);
        lastBlock.catch(() => {});
        const received = blocks * stopBlockBytes - sendQueueBytes(sender);
        sender.reset();
        receiver.startReading();
        await expectReset(receiver);
        // The block after those taken whole was taken in part.
        assert.ok(receiver.takeUnread().length >= received);
        await rig.expectEnding({ outcome });
      });

      fact(makePlane, 'in the middle of a stream the other way ends that too', async (rig) => {
        const { sender, receiver } = ends(await rig.forward());
        const stream = sendUntilStopped(receiver);
        await sender.receive(1_000_000);
        sender.stopReading();
        (await stream).lastBlock.catch(() => {});
        sender.reset();
        assert.equal(await receiver.departure, 'reset');
        await rig.expectEnding({ outcome });
      });

      fact(makePlane, 'after its FIN resets the other side', async (rig) => {
        const { sender, receiver } = ends(await rig.forward());
        sender.end();
        assert.equal(await receiver.departure, 'fin');
        sender.reset();
        // A reset is told to one who writes.
        await until(() => {
          if (!receiver.socket.destroyed) receiver.socket.write('x');
          return receiver.socket.destroyed;
        }, 'the write fails');
        await rig.expectEnding({ outcome });
      });

      fact(makePlane, 'that closed in the middle of a stream to it is behind its answer', async (rig) => {
        const { sender, receiver } = ends(await rig.forward());
        sender.stopReading();
        const { lastBlock } = await sendUntilStopped(receiver);
        lastBlock.catch(() => {});
        await sender.send(payload(10_000, 9));
        sender.close();
        await expectReset(receiver);
        assert.deepEqual(receiver.takeUnread(), payload(10_000, 9));
        await rig.expectEnding({ outcome });
      });

      fact(makePlane, 'right after its FIN leaves that an end', async (rig) => {
        const { sender, receiver } = ends(await rig.forward());
        sender.stopReading();
        await receiver.send(payload(150_000));
        await untilDelivered(receiver);
        sender.socket.once('finish', () => sender.close());
        sender.socket.end(payload(10_000, 9));
        assert.deepEqual(await receiver.receiveAll(), payload(10_000, 9));
      });

      fact(makePlane, 'that closed without reading is behind its answer', async (rig) => {
        const { sender, receiver } = ends(await rig.forward());
        sender.stopReading();
        // More than Node reads ahead: closing with bytes left in the kernel sends RST.
        await receiver.send(payload(150_000));
        await untilDelivered(receiver);
        await sender.send(payload(10_000, 9));
        sender.close();
        await expectReset(receiver);
        assert.deepEqual(receiver.takeUnread(), payload(10_000, 9));
        await rig.expectEnding({ outcome });
      });
    });
  }

  describe('resets of both sides', () => {
    fact(makePlane, 'end the connection once', async (rig) => {
      const { client, upstream } = await rig.forward();
      client.reset();
      upstream.reset();
      const { outcome } = await rig.policy.endings.next();
      assert.ok(outcome === 'client_reset' || outcome === 'upstream_reset');
    });
  });
}

/**
 * INTERFACE 10 lets the portable plane pass on a FIN where bytes were unread before the reset and the platform does
 * not tell. On Linux it can find out.
 */
async function expectReset(receiver: Peer): Promise<void> {
  const departure = await receiver.departure;
  if (process.platform === 'linux') assert.equal(departure, 'reset');
}

/** Waits until the peer's own kernel holds nothing more, which a reset would throw away. */
async function untilDelivered(sender: Peer): Promise<void> {
  await until(() => sendQueueBytes(sender) === 0, 'the send queue empties');
}
