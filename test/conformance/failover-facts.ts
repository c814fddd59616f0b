import { strict as assert } from 'node:assert';
import { describe } from 'node:test';
import type { Dial } from '../../src/data-plane/data-plane.ts';
import { buildHello } from '../tls/hello-builder.ts';
import { payload } from './payload.ts';
import type { Peer } from './peer.ts';
import { fact, hello, type MakePlane, type Rig } from './rig.ts';
import { dialTo } from './scripted-policy.ts';
import { UpstreamServer } from './upstream-server.ts';
import { until } from './wait.ts';

/** INTERFACE 5: another endpoint, until the first byte of one has come. */
export function failoverFacts(makePlane: MakePlane): void {
  /** A rig whose failed dials are followed by one to `second`. */
  const withSecond = (
    sentence: string,
    body: (rig: Rig, second: UpstreamServer) => Promise<void>,
    options: Partial<Dial> = {},
  ) =>
    fact(makePlane, sentence, async (rig) => {
      const second = await UpstreamServer.open();
      rig.policy.onDialFailed = () => dialTo(second.endpoint, options);
      try {
        await body(rig, second);
      } finally {
        rig.closeClients();
        await second.close();
      }
    });

  describe('an upstream that is reset before its first byte', () => {
    withSecond('is followed by another, which serves the client', async (rig, second) => {
      const { client, upstream, connection } = await rig.forward();
      upstream.reset();
      const other = await second.next();
      assert.deepEqual(await other.receive(hello.length), Buffer.from(hello));
      const seen = await rig.policy.failures.next();
      assert.equal(seen.connection, connection);
      assert.equal(seen.failure.code, 'ECONNRESET');
      await expectToServe(client, other);
      await rig.expectEnding({
        outcome: 'ok',
        attempts: 2,
        bytesUp: hello.length + 30_000,
        bytesDown: 40_000,
      });
    });

    withSecond('as it accepts is followed by another', async (rig, second) => {
      rig.upstream.onConnection = (peer) => peer.reset();
      const client = await rig.connect();
      await client.send(hello);
      const other = await second.next();
      assert.deepEqual(await other.receive(hello.length), Buffer.from(hello));
      await expectToServe(client, other);
      assert.equal((await rig.policy.failures.next()).failure.code, 'ECONNRESET');
      await rig.expectEnding({ outcome: 'ok', attempts: 2 });
    });

    withSecond(
      'is followed by another that gets a header of its own',
      async (rig, second) => {
        rig.policy.onHello = () => dialTo(rig.endpoint, { header: Buffer.from('first') });
        const client = await rig.connect();
        await client.send(hello);
        const upstream = await rig.upstream.next();
        assert.deepEqual(
          await upstream.receive(5 + hello.length),
          Buffer.concat([Buffer.from('first'), hello]),
        );
        upstream.reset();
        const other = await second.next();
        assert.deepEqual(
          await other.receive(6 + hello.length),
          Buffer.concat([Buffer.from('second'), hello]),
        );
        await expectToServe(client, other);
      },
      { header: Buffer.from('second') },
    );

    withSecond('and takes nothing of a long hello is followed by another', async (rig, second) => {
      const long = buildHello({ serverName: 'shop.example.com', wireBytes: 60_000 });
      rig.upstream.startsReading = false;
      const client = await rig.connect();
      await client.send(long);
      const upstream = await rig.upstream.next();
      upstream.reset();
      const other = await second.next();
      assert.deepEqual(await other.receive(long.length), Buffer.from(long));
      await expectToServe(client, other);
    });

    fact(makePlane, 'is followed by as many others as the policy names', async (rig) => {
      rig.upstream.onConnection = (peer) => peer.reset();
      let dials = 1;
      rig.policy.onDialFailed = () =>
        dials++ < 20
          ? dialTo(rig.endpoint)
          : { kind: 'reject', how: { alert: 80 }, outcome: 'upstream_unreachable' };
      const client = await rig.connect();
      await client.send(hello);
      assert.equal((await client.receiveAll()).at(-1), 80);
      await rig.expectEnding({ outcome: 'upstream_unreachable', attempts: 20, bytesUp: hello.length });
      assert.equal(rig.upstream.connectionCount, 20);
    });

    fact(makePlane, 'waits for a policy that thinks, with what the client sends meanwhile', async (rig) => {
      rig.policy.onDialFailed = () => ({ kind: 'pending' });
      const { client, upstream, connection } = await rig.forward();
      upstream.reset();
      await rig.policy.failures.next();
      await client.send(payload(30_000));
      client.end();
      rig.plane.answer(connection, dialTo(rig.endpoint));
      const other = await rig.upstream.next();
      assert.deepEqual(await other.receiveAll(), Buffer.concat([hello, payload(30_000)]));
      other.end();
      await rig.expectEnding({ outcome: 'ok', attempts: 2, bytesUp: hello.length + 30_000 });
    });

    fact(makePlane, 'is forgotten where the client resets while the policy thinks', async (rig) => {
      rig.policy.onDialFailed = () => ({ kind: 'pending' });
      const { client, upstream, connection } = await rig.forward();
      upstream.reset();
      await rig.policy.failures.next();
      client.reset();
      await rig.expectEnding({ outcome: 'client_reset', attempts: 1, bytesUp: hello.length });
      rig.plane.answer(connection, dialTo(rig.endpoint));
    });

    fact(makePlane, 'resets the client where the policy says so', async (rig) => {
      const { client, upstream } = await rig.forward();
      upstream.reset();
      assert.equal(await client.departure, 'reset');
      await rig.expectEnding({ outcome: 'upstream_reset', attempts: 1 });
      assert.equal(rig.policy.failures.count, 1);
    });
  });

  describe('an upstream that is reset', () => {
    const noFailover = (sentence: string, first: (client: Peer, upstream: Peer) => Promise<void>) =>
      withSecond(sentence, async (rig, second) => {
        const { client, upstream } = await rig.forward();
        await first(client, upstream);
        upstream.reset();
        await rig.expectEnding({ outcome: 'upstream_reset', attempts: 1 });
        assert.equal(rig.policy.failures.count, 0);
        assert.equal(second.connectionCount, 0);
      });

    noFailover('after its first byte is followed by none', async (client, upstream) => {
      await upstream.send(Buffer.from('x'));
      assert.equal((await client.receive(1)).toString(), 'x');
    });

    noFailover('after more than the hello was passed on is followed by none', async (client, upstream) => {
      await client.send(Buffer.from('x'));
      await upstream.receive(1);
    });

    noFailover('after the client has ended is followed by none', async (client, upstream) => {
      client.end();
      assert.equal(await upstream.departure, 'fin');
    });

    withSecond('after its own end is followed by none', async (rig, second) => {
      const { client, upstream } = await rig.forward();
      upstream.end();
      assert.equal(await client.departure, 'fin');
      upstream.reset();
      await until(() => {
        if (!client.socket.destroyed) client.socket.write('x');
        return client.socket.destroyed;
      }, 'the client is reset');
      await rig.expectEnding({ outcome: 'upstream_reset', attempts: 1 });
      assert.equal(second.connectionCount, 0);
    });
  });
}

/** Bytes and FINs go both ways. */
async function expectToServe(client: Peer, upstream: Peer): Promise<void> {
  await Promise.all([client.send(payload(30_000)), upstream.send(payload(40_000, 3))]);
  assert.deepEqual(await upstream.receive(30_000), payload(30_000));
  assert.deepEqual(await client.receive(40_000), payload(40_000, 3));
  client.end();
  upstream.end();
  assert.equal(await client.departure, 'fin');
  assert.equal(await upstream.departure, 'fin');
}
