import { strict as assert } from 'node:assert';
import { describe } from 'node:test';
import { refusingEndpoint } from './bound-socket.ts';
import { payload } from './payload.ts';
import { fact, hello, type MakePlane } from './rig.ts';
import { dialTo } from './scripted-policy.ts';

const asksOnAccept = { listener: { asksOnAccept: true } };
const internalError = Buffer.from([0x15, 3, 3, 0, 2, 2, 80]);

/** What data-plane.ts promises the policy, and what it does to one that breaks its word. */
export function policyFacts(makePlane: MakePlane): void {
  describe('a decision that is pending', () => {
    fact(makePlane, 'is carried out when it is answered', async (rig) => {
      rig.policy.onHello = () => ({ kind: 'pending' });
      const client = await rig.connect();
      await client.send(hello);
      const { connection } = await rig.policy.hellos.next();
      assert.deepEqual([...rig.plane.connections()], [connection]);
      rig.plane.answer(connection, dialTo(rig.endpoint));
      const upstream = await rig.upstream.next();
      assert.deepEqual(await upstream.receive(hello.length), Buffer.from(hello));
      upstream.end();
      client.end();
      await rig.expectEnding({ outcome: 'ok', attempts: 1 });
    });

    fact(makePlane, 'may be answered with a rejection', async (rig) => {
      rig.policy.onHello = () => ({ kind: 'pending' });
      const client = await rig.connect();
      await client.send(hello);
      const { connection } = await rig.policy.hellos.next();
      rig.plane.answer(connection, { kind: 'reject', how: { alert: 112 }, outcome: 'name_not_allowed' });
      assert.equal((await client.receiveAll()).at(-1), 112);
      await rig.expectEnding({ outcome: 'name_not_allowed', attempts: 0 });
    });

    fact(makePlane, 'ends with the client that resets, and its answer does nothing', async (rig) => {
      rig.policy.onHello = () => ({ kind: 'pending' });
      const client = await rig.connect();
      await client.send(hello);
      const { connection } = await rig.policy.hellos.next();
      client.reset();
      await rig.expectEnding({ outcome: 'client_reset', attempts: 0, bytesUp: hello.length });
      rig.plane.answer(connection, dialTo(rig.endpoint));
      rig.policy.onHello = () => dialTo(rig.endpoint);
      await rig.forward();
      assert.equal(rig.upstream.connectionCount, 1);
    });

    fact(makePlane, 'takes the first answer only', async (rig) => {
      rig.policy.onHello = () => ({ kind: 'pending' });
      const client = await rig.connect();
      await client.send(hello);
      const { connection } = await rig.policy.hellos.next();
      rig.plane.answer(connection, dialTo(rig.endpoint));
      rig.plane.answer(connection, { kind: 'reject', how: 'reset', outcome: 'rejected' });
      const upstream = await rig.upstream.next();
      await upstream.receive(hello.length);
      rig.plane.answer(connection, { kind: 'reject', how: 'reset', outcome: 'rejected' });
      await client.send(payload(1000));
      assert.deepEqual(await upstream.receive(1000), payload(1000));
    });

    fact(makePlane, 'is not answered for another connection', async (rig) => {
      rig.policy.onHello = () => ({ kind: 'pending' });
      const first = await rig.connect();
      await first.send(hello);
      const { connection: gone } = await rig.policy.hellos.next();
      rig.plane.abort(gone, 'drained');
      await rig.expectEnding({ outcome: 'drained' });
      const second = await rig.connect();
      await second.send(hello);
      const { connection } = await rig.policy.hellos.next();
      rig.plane.answer(gone, { kind: 'reject', how: 'reset', outcome: 'rejected' });
      rig.plane.answer(connection, dialTo(rig.endpoint));
      await (await rig.upstream.next()).receive(hello.length);
    });
  });

  describe('the policy', () => {
    fact(makePlane, 'keeps its record on the connection', async (rig) => {
      const record = { name: 'mine' };
      rig.policy.onHello = (connection) => {
        connection.record = record;
        return dialTo(rig.endpoint);
      };
      const { client, upstream, connection } = await rig.forward();
      assert.equal([...rig.plane.connections()][0], connection);
      client.end();
      upstream.end();
      const ending = await rig.expectEnding({ outcome: 'ok' });
      assert.equal(ending.connection.record, record);
    });

    fact(
      makePlane,
      'is shown the same connection in every call',
      async (rig) => {
        rig.policy.onHello = () => dialTo(refusingEndpoint());
        const client = await rig.connect();
        await client.send(hello);
        const accepted = await rig.policy.accepts.next();
        const [seen, failed, ended] = await Promise.all([
          rig.policy.hellos.next(),
          rig.policy.failures.next(),
          rig.policy.endings.next(),
        ]);
        assert.ok([seen, failed, ended].every(({ connection }) => connection === accepted));
      },
      asksOnAccept,
    );

    fact(makePlane, 'is not asked on accept where the listener does not say so', async (rig) => {
      await rig.forward();
      assert.equal(rig.policy.accepts.count, 0);
    });

    fact(makePlane, 'finds the connection no longer live when it is told of its end', async (rig) => {
      const counts: number[] = [];
      rig.policy.onEnded = () => counts.push(rig.plane.connectionCount);
      rig.policy.onHello = () => ({ kind: 'reject', how: 'close', outcome: 'rejected' });
      const client = await rig.connect();
      await client.send(hello);
      await rig.policy.endings.next();
      assert.deepEqual(counts, [0]);
    });

    fact(makePlane, 'may abort the very connection that it is asked about', async (rig) => {
      rig.policy.onHello = (connection) => {
        rig.plane.abort(connection, 'drained');
        return dialTo(rig.endpoint);
      };
      const client = await rig.connect();
      await client.send(hello);
      assert.equal(await client.departure, 'reset');
      await rig.expectEnding({ outcome: 'drained', attempts: 0 });
      assert.equal(rig.upstream.connectionCount, 0);
    });
  });

  describe('a policy that throws', () => {
    const fail = () => {
      throw new Error('the policy throws');
    };

    fact(
      makePlane,
      'on accept rejects with internal_error',
      async (rig) => {
        rig.policy.onAccepted = fail;
        const client = await rig.connect();
        assert.deepEqual(await client.receiveAll(), internalError);
        await rig.expectEnding({ outcome: 'rejected' });
      },
      asksOnAccept,
    );

    fact(
      makePlane,
      'on a hello rejects with internal_error, and the next connection is served',
      async (rig) => {
        const works = rig.policy.onHello;
        rig.policy.onHello = fail;
        const client = await rig.connect();
        await client.send(hello);
        assert.deepEqual(await client.receiveAll(), internalError);
        await rig.expectEnding({ outcome: 'rejected' });
        await rig.policy.hellos.next();
        rig.policy.onHello = works;
        await rig.forward();
      },
    );

    fact(makePlane, 'on a failed dial rejects with internal_error', async (rig) => {
      rig.policy.onHello = () => dialTo(refusingEndpoint());
      rig.policy.onDialFailed = fail;
      const client = await rig.connect();
      await client.send(hello);
      assert.deepEqual(await client.receiveAll(), internalError);
      await rig.expectEnding({ outcome: 'rejected', attempts: 1 });
    });

    fact(makePlane, 'on an end changes nothing for the others', async (rig) => {
      rig.policy.onEnded = fail;
      const { client, upstream } = await rig.forward();
      client.end();
      upstream.end();
      await rig.expectEnding({ outcome: 'ok' });
      await rig.forward();
    });
  });
}
