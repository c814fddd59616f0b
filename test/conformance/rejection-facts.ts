import { strict as assert } from 'node:assert';
import { describe } from 'node:test';
import type { Reject } from '../../src/data-plane/data-plane.ts';
import { buildHello, record, serverNameExtension, splitIntoRecords } from '../tls/hello-builder.ts';
import { payload } from './payload.ts';
import { fact, hello, type MakePlane } from './rig.ts';
import { turns, until } from './wait.ts';

/** RFC 8446 section 6: a fatal alert in a record of version 3.3. */
function alert(description: number): Buffer {
  return Buffer.from([0x15, 0x03, 0x03, 0x00, 0x02, 0x02, description]);
}

const noBytes = Buffer.alloc(0);

/** INTERFACE 2 (`reject`), 3 and 4: what a client that is turned away sees. */
export function rejectionFacts(makePlane: MakePlane): void {
  describe('a rejection', () => {
    for (const [name, description] of [
      ['unrecognized_name', 112],
      ['internal_error', 80],
      ['access_denied', 49],
      ['handshake_failure', 40],
    ] as const) {
      const reject: Reject = { kind: 'reject', how: { alert: description }, outcome: 'no_route' };
      fact(makePlane, `with ${name} is that alert, then FIN`, async (rig) => {
        rig.policy.onHello = () => reject;
        const client = await rig.connect();
        await client.send(hello);
        assert.deepEqual(await client.receiveAll(), alert(description));
        await rig.expectEnding({
          outcome: 'no_route',
          attempts: 0,
          bytesUp: hello.length,
          bytesDown: 0,
          connectMs: undefined,
        });
      });
    }

    fact(makePlane, 'with close is FIN alone', async (rig) => {
      rig.policy.onHello = () => ({ kind: 'reject', how: 'close', outcome: 'rejected' });
      const client = await rig.connect();
      await client.send(hello);
      assert.deepEqual(await client.receiveAll(), noBytes);
      await rig.expectEnding({ outcome: 'rejected', attempts: 0 });
    });

    fact(makePlane, 'with reset is RST', async (rig) => {
      rig.policy.onHello = () => ({ kind: 'reject', how: 'reset', outcome: 'rejected' });
      const client = await rig.connect();
      await client.send(hello);
      assert.equal(await client.departure, 'reset');
      assert.equal(client.receivedBytes, 0);
      await rig.expectEnding({ outcome: 'rejected', attempts: 0 });
    });

    for (const how of [{ alert: 49 }, 'close', 'reset'] as const) {
      const name = typeof how === 'object' ? 'an alert' : how;
      fact(
        makePlane,
        `with ${name} may come on accept`,
        async (rig) => {
          rig.policy.onAccepted = () => ({ kind: 'reject', how, outcome: 'source_limited' });
          const client = await rig.connect();
          assert.equal(await client.departure, how === 'reset' ? 'reset' : 'fin');
          assert.deepEqual(client.takeUnread(), typeof how === 'object' ? alert(49) : noBytes);
          await rig.expectEnding({
            outcome: 'source_limited',
            attempts: 0,
            bytesUp: 0,
            helloMs: undefined,
          });
          assert.equal(rig.policy.hellos.count, 0);
        },
        { listener: { asksOnAccept: true } },
      );
    }

    fact(makePlane, 'reaches a client that goes on sending: FIN, not RST', async (rig) => {
      rig.policy.onHello = () => ({ kind: 'reject', how: { alert: 112 }, outcome: 'no_route' });
      const client = await rig.connect();
      const more = client.send(Buffer.concat([hello, payload(1_000_000)]));
      assert.deepEqual(await client.receiveAll(), alert(112));
      await more;
      for (let round = 0; round < 10; round++) {
        await client.send(payload(10_000));
        await turns();
      }
      client.end();
    });

    fact(
      makePlane,
      'leaves the plane busy, with no live connection, until its client has seen the end',
      async (rig) => {
        rig.policy.onHello = () => ({ kind: 'reject', how: { alert: 112 }, outcome: 'no_route' });
        const client = await rig.connect();
        await client.send(hello);
        await rig.expectEnding({ outcome: 'no_route' });
        assert.deepEqual([rig.plane.connectionCount, rig.plane.isIdle], [0, false]);
        await client.receiveAll();
        client.end();
        await until(() => rig.plane.isIdle, 'the socket is closed');
      },
    );

    fact(makePlane, 'is told when it is sent, whatever the client does then', async (rig) => {
      rig.policy.onHello = () => ({ kind: 'reject', how: { alert: 112 }, outcome: 'no_route' });
      const client = await rig.connect();
      client.stopReading();
      await client.send(hello);
      await rig.expectEnding({ outcome: 'no_route' });
      assert.equal(rig.plane.connectionCount, 0);
      client.startReading();
      assert.deepEqual(await client.receiveAll(), alert(112));
    });

    fact(makePlane, 'does not keep the socket of a client that never closes', async (rig) => {
      rig.policy.onHello = () => ({ kind: 'reject', how: 'close', outcome: 'rejected' });
      const client = await rig.connect();
      await client.send(hello);
      await client.receiveAll();
      await until(() => {
        if (!client.socket.destroyed) client.socket.write('x');
        return client.socket.destroyed;
      }, 'sending fails');
    });
  });

  describe('a prefix that is no ClientHello', () => {
    const twoNames = serverNameExtension([0, 'a.example'], [0, 'b.example']);
    const again = serverNameExtension([0, 'b.example']);
    const changesType = splitIntoRecords(hello, [50]);
    changesType[5 + 50] = 23;
    for (const [name, bytes] of [
      ['another handshake message', record(Buffer.from([2, 0, 0, 4, 3, 3, 0, 0]))],
      ['an empty record', record(noBytes)],
      ['a record of another type in its middle', changesType],
      ['a duplicate server_name', buildHello({ serverName: 'a.example', extensions: [again] })],
      ['two host names', buildHello({ extensions: [twoNames] })],
    ] as const) {
      fact(makePlane, `for ${name} is answered with decode_error, then FIN`, async (rig) => {
        const client = await rig.connect();
        await client.send(bytes);
        assert.deepEqual(await client.receiveAll(), alert(50));
        await rig.expectEnding({ outcome: 'malformed_hello', attempts: 0, helloMs: undefined, bytesDown: 0 });
        assert.equal(rig.policy.hellos.count, 0);
      });
    }

    fact(
      makePlane,
      'for being too long is answered with record_overflow, then FIN',
      async (rig) => {
        const client = await rig.connect();
        await client.send(buildHello({ wireBytes: 4097 }));
        assert.deepEqual(await client.receiveAll(), alert(22));
        await rig.expectEnding({ outcome: 'hello_too_large', attempts: 0, helloMs: undefined });
      },
      { listener: { maxHelloBytes: 4096 } },
    );

    fact(makePlane, 'for not being TLS gets what the policy says', async (rig) => {
      rig.policy.onHello = (_, seen) => ({
        kind: 'reject',
        how: 'close',
        outcome: seen === undefined ? 'not_tls' : 'rejected',
      });
      const client = await rig.connect();
      await client.send(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
      assert.deepEqual(await client.receiveAll(), noBytes);
      await rig.expectEnding({ outcome: 'not_tls', attempts: 0, bytesUp: 18, helloMs: undefined });
    });
  });

  describe('a client that goes before its hello', () => {
    for (const [name, bytes] of [
      ['has begun', noBytes],
      ['is whole', hello.subarray(0, 100)],
    ] as const) {
      fact(makePlane, `${name} with FIN has closed early`, async (rig) => {
        const client = await rig.connect();
        client.socket.end(bytes);
        await rig.expectEnding({
          outcome: 'client_closed_early',
          bytesUp: bytes.length,
          bytesDown: 0,
          attempts: 0,
          helloMs: undefined,
        });
        await client.departure;
        assert.equal(rig.policy.hellos.count, 0);
      });

      fact(makePlane, `${name} with RST has closed early`, async (rig) => {
        const client = await rig.connect();
        if (bytes.length > 0) await client.send(bytes);
        await until(() => rig.plane.connectionCount === 1, 'it is accepted');
        client.reset();
        await rig.expectEnding({ outcome: 'client_closed_early', attempts: 0, helloMs: undefined });
      });
    }
  });
}
