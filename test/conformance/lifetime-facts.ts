import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe } from 'node:test';
import { bindLoopback } from './bound-socket.ts';
import { sendUntilStopped } from './payload.ts';
import { Peer } from './peer.ts';
import { expectForwards, fact, hello, type MakePlane } from './rig.ts';
import { turns, until } from './wait.ts';

/** Aborting, draining, listening and limits: the rest of data-plane.ts. */
export function lifetimeFacts(makePlane: MakePlane): void {
  describe('aborting', () => {
    fact(makePlane, 'resets both sides and tells the outcome', async (rig) => {
      const { client, upstream, connection } = await rig.forward();
      rig.plane.abort(connection, 'drained');
      const figures = { bytesUp: hello.length, bytesDown: 0, attempts: 1 };
      await rig.expectEnding({ outcome: 'drained', ...figures, endedFirst: undefined });
      assert.deepEqual(await Promise.all([client.departure, upstream.departure]), ['reset', 'reset']);
    });

    fact(makePlane, 'twice does nothing more', async (rig) => {
      const { connection } = await rig.forward();
      rig.plane.abort(connection, 'drained');
      rig.plane.abort(connection, 'idle_timeout');
      await rig.expectEnding({ outcome: 'drained' });
      assert.equal(rig.policy.endings.count, 1);
    });

    fact(makePlane, 'ends a connection that waits for its decision', async (rig) => {
      rig.policy.onHello = () => ({ kind: 'pending' });
      const client = await rig.connect();
      await client.send(hello);
      const { connection } = await rig.policy.hellos.next();
      rig.plane.abort(connection, 'drained');
      assert.equal(await client.departure, 'reset');
      await rig.expectEnding({ outcome: 'drained', attempts: 0 });
    });

    fact(makePlane, 'ends a connection whose hello has yet to come', async (rig) => {
      const client = await rig.connect();
      await client.send(hello.subarray(0, 20));
      await until(() => [...rig.plane.connections()].some((live) => live.bytesUp === 20), 'it is read');
      for (const connection of rig.plane.connections()) rig.plane.abort(connection, 'drained');
      assert.equal(await client.departure, 'reset');
      await rig.expectEnding({ outcome: 'drained', attempts: 0, bytesUp: 20, helloMs: undefined });
    });

    fact(makePlane, 'ends a half-closed connection', async (rig) => {
      const { client, upstream, connection } = await rig.forward();
      client.end();
      assert.equal(await upstream.departure, 'fin');
      rig.plane.abort(connection, 'drained');
      await client.departure;
      await rig.expectEnding({ outcome: 'drained' });
    });

    fact(makePlane, 'resets a client that has yet to read up to the end of the upstream', async (rig) => {
      const { client, upstream, connection } = await rig.forward();
      client.stopReading();
      const { lastBlock } = await sendUntilStopped(upstream);
      lastBlock.catch(() => {});
      upstream.end();
      await turns();
      rig.plane.abort(connection, 'drained');
      client.startReading();
      assert.equal(await client.departure, 'reset');
    });
  });

  describe('listening', () => {
    fact(makePlane, 'that stops refuses new clients and keeps the live ones', async (rig) => {
      const forwarded = await rig.forward();
      rig.plane.stopListening(rig.listener);
      await expectRefused(rig.port);
      await expectForwards(forwarded);
      assert.equal(rig.plane.connectionCount, 1);
    });

    fact(makePlane, 'on a second socket serves both', async (rig) => {
      const bound = bindLoopback();
      const second = { ...rig.listener, name: 'second' };
      rig.plane.listen(second, bound.handle);
      await rig.forward();
      const client = await Peer.connect(bound.port);
      await client.send(hello);
      const { connection } = await rig.policy.hellos.next();
      assert.equal(connection.listener, second);
      rig.plane.stopListening(second);
      await expectRefused(bound.port);
      await rig.forward();
      client.close();
    });
  });

  describe('at the most connections', () => {
    fact(makePlane, 'the next client is served when one ends', async (rig) => {
      rig.plane.setMaxConnections(2);
      const first = await rig.forward();
      const second = await rig.forward();
      const third = await rig.connect();
      await third.send(hello);
      for (let round = 0; round < 20; round++) await expectForwards(first);
      assert.equal(rig.plane.connectionCount, 2);
      assert.equal(rig.upstream.connectionCount, 2);
      second.client.reset();
      await rig.expectEnding({ outcome: 'client_reset' });
      const upstream = await rig.upstream.next();
      assert.deepEqual(await upstream.receive(hello.length), Buffer.from(hello));
      assert.equal(rig.plane.connectionCount, 2);
    });

    fact(makePlane, 'the next client is served when more are allowed', async (rig) => {
      rig.plane.setMaxConnections(1);
      await rig.forward();
      const client = await rig.connect();
      await client.send(hello);
      rig.plane.setMaxConnections(2);
      await (await rig.upstream.next()).receive(hello.length);
    });

    fact(makePlane, 'a rejected connection makes room at once', async (rig) => {
      rig.plane.setMaxConnections(1);
      rig.policy.onHello = () => ({ kind: 'reject', how: 'close', outcome: 'rejected' });
      for (let round = 0; round < 20; round++) {
        const client = await rig.connect();
        await client.send(hello);
        await rig.expectEnding({ outcome: 'rejected' });
      }
    });

    fact(makePlane, 'everybody who waits is served in the end', async (rig) => {
      rig.plane.setMaxConnections(3);
      rig.upstream.onConnection = (peer) => peer.socket.end('served');
      const clients = await Promise.all(Array.from({ length: 50 }, () => rig.connect()));
      await Promise.all(
        clients.map(async (client) => {
          client.socket.end(hello);
          assert.equal((await client.receiveAll()).toString(), 'served');
        }),
      );
      for (let ended = 0; ended < 50; ended++) {
        await rig.policy.endings.next();
        assert.ok(rig.plane.connectionCount <= 3);
      }
    });
  });

  describe('closing', () => {
    fact(makePlane, 'resets what is live, with the outcome drained, and refuses new clients', async (rig) => {
      const live = [await rig.forward(), await rig.forward()];
      await rig.closePlane();
      assert.equal(rig.plane.connectionCount, 0);
      for (const { client, upstream } of live) {
        assert.deepEqual(await Promise.all([client.departure, upstream.departure]), ['reset', 'reset']);
        await rig.expectEnding({ outcome: 'drained' });
      }
      await expectRefused(rig.port);
    });

    fact(makePlane, 'does not wait for a rejected client that lingers', async (rig) => {
      rig.policy.onHello = () => ({ kind: 'reject', how: { alert: 112 }, outcome: 'no_route' });
      const client = await rig.connect();
      await client.send(hello);
      await client.receiveAll();
      const startedAt = performance.now();
      await rig.closePlane();
      assert.ok(performance.now() - startedAt < 500);
    });
  });
}

async function expectRefused(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  const [error]: unknown[] = await once(socket, 'error');
  assert.equal(error instanceof Error && 'code' in error && error.code, 'ECONNREFUSED');
}
