import { strict as assert } from 'node:assert';
import { describe } from 'node:test';
import type { Decision } from '../../src/data-plane/data-plane.ts';
import { refusingEndpoint } from './bound-socket.ts';
import { openDescriptors } from './open-descriptors.ts';
import { fact, hello, type MakePlane } from './rig.ts';
import { dialTo } from './scripted-policy.ts';
import { StuckEndpoint } from './stuck-endpoint.ts';
import { UpstreamServer } from './upstream-server.ts';
import { until } from './wait.ts';

const internalError = Buffer.from([0x15, 3, 3, 0, 2, 2, 80]);

/** INTERFACE 5: refused, unreachable or timed out; another endpoint, or none left. */
export function dialingFacts(makePlane: MakePlane): void {
  describe('dialing', () => {
    fact(makePlane, 'goes on to another endpoint where the first refuses', async (rig) => {
      rig.policy.onHello = () => dialTo(refusingEndpoint());
      rig.policy.onDialFailed = () => dialTo(rig.endpoint);
      const client = await rig.connect();
      await client.send(hello);
      const upstream = await rig.upstream.next();
      assert.deepEqual(await upstream.receive(hello.length), Buffer.from(hello));
      const { connection, failure } = await rig.policy.failures.next();
      assert.equal(failure.code, 'ECONNREFUSED');
      assert.ok(failure.afterMs >= 0 && failure.afterMs < 2000);
      client.end();
      upstream.end();
      const ending = await rig.expectEnding({ outcome: 'ok', attempts: 2, bytesUp: hello.length });
      assert.equal(ending.connection, connection);
      assert.ok((ending.connectMs ?? 0) >= failure.afterMs);
    });

    fact(makePlane, 'that every endpoint refuses ends with internal_error and FIN', async (rig) => {
      let attempts = 0;
      rig.policy.onHello = () => dialTo(refusingEndpoint());
      rig.policy.onDialFailed = (): Decision =>
        ++attempts < 3
          ? dialTo(refusingEndpoint())
          : { kind: 'reject', how: { alert: 80 }, outcome: 'upstream_unreachable' };
      const client = await rig.connect();
      await client.send(hello);
      assert.deepEqual(await client.receiveAll(), internalError);
      await rig.expectEnding({
        outcome: 'upstream_unreachable',
        attempts: 3,
        connectMs: undefined,
        bytesUp: hello.length,
        bytesDown: 0,
      });
    });

    fact(makePlane, 'ends after connectTimeoutMs where nobody answers', async (rig) => {
      const stuck = await StuckEndpoint.open();
      try {
        rig.policy.onHello = () => dialTo(stuck.address, { connectTimeoutMs: 200 });
        rig.policy.onDialFailed = () => dialTo(rig.endpoint);
        const client = await rig.connect();
        await client.send(hello);
        const upstream = await rig.upstream.next();
        await upstream.receive(hello.length);
        const { failure } = await rig.policy.failures.next();
        assert.equal(failure.code, 'ETIMEDOUT');
        assert.ok(failure.afterMs >= 199 && failure.afterMs < 2000, `${failure.afterMs} ms`);
        client.end();
        upstream.end();
        const ending = await rig.expectEnding({ outcome: 'ok', attempts: 2 });
        assert.ok((ending.connectMs ?? 0) >= 199);
      } finally {
        await stuck.close();
      }
    });

    fact(makePlane, 'is given up when the client resets', async (rig) => {
      const stuck = await StuckEndpoint.open();
      try {
        rig.policy.onHello = () => dialTo(stuck.address);
        const before = openDescriptors();
        const client = await rig.connect();
        await client.send(hello);
        await rig.policy.hellos.next();
        client.reset();
        await rig.expectEnding({
          outcome: 'client_reset',
          attempts: 1,
          connectMs: undefined,
          bytesUp: hello.length,
        });
        await until(() => openDescriptors() <= before, 'the dial is closed');
      } finally {
        await stuck.close();
      }
    });

    fact(makePlane, 'is given up when the connection is aborted', async (rig) => {
      const stuck = await StuckEndpoint.open();
      try {
        rig.policy.onHello = () => dialTo(stuck.address);
        const client = await rig.connect();
        await client.send(hello);
        const { connection } = await rig.policy.hellos.next();
        rig.plane.abort(connection, 'drained');
        assert.equal(await client.departure, 'reset');
        await rig.expectEnding({ outcome: 'drained', attempts: 1 });
      } finally {
        await stuck.close();
      }
    });

    fact(makePlane, 'waits for a policy that answers a failure with pending', async (rig) => {
      rig.policy.onHello = () => dialTo(refusingEndpoint());
      rig.policy.onDialFailed = () => ({ kind: 'pending' });
      const client = await rig.connect();
      await client.send(hello);
      const { connection } = await rig.policy.failures.next();
      rig.plane.answer(connection, dialTo(rig.endpoint));
      const upstream = await rig.upstream.next();
      assert.deepEqual(await upstream.receive(hello.length), Buffer.from(hello));
    });

    fact(makePlane, 'sends the header of the attempt that succeeds, and of no other', async (rig) => {
      rig.policy.onHello = () => dialTo(refusingEndpoint(), { header: Buffer.from('first') });
      rig.policy.onDialFailed = () => dialTo(rig.endpoint, { header: Buffer.from('second') });
      const client = await rig.connect();
      await client.send(hello);
      const upstream = await rig.upstream.next();
      assert.deepEqual(
        await upstream.receive(6 + hello.length),
        Buffer.concat([Buffer.from('second'), hello]),
      );
    });

    fact(
      makePlane,
      'reaches an endpoint over IPv6',
      async (rig) => {
        const upstreamV6 = await UpstreamServer.open('::1');
        try {
          rig.policy.onHello = () => dialTo(upstreamV6.endpoint);
          const client = await rig.connect();
          await client.send(hello);
          const upstream = await upstreamV6.next();
          assert.deepEqual(await upstream.receive(hello.length), Buffer.from(hello));
        } finally {
          await upstreamV6.close();
        }
      },
      { needsIpv6: true },
    );
  });
}
