import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { fstatSync } from 'node:fs';
import { connect } from 'node:net';
import { it } from 'node:test';
import type { Connection, DialAddress } from '../../src/data-plane/data-plane.ts';
import { NativePlane } from '../../src/data-plane/native-plane.ts';
import { bindLoopback, refusingEndpoint } from '../conformance/bound-socket.ts';
import { Peer } from '../conformance/peer.ts';
import { fact, hello, type Rig } from '../conformance/rig.ts';
import { dialTo } from '../conformance/scripted-policy.ts';
import { turns, until } from '../conformance/wait.ts';
import { describeNative } from './native-fixture.ts';

/** connect(2) fails at once, inside the hook that asked for it: nobody connects to the broadcast address. */
const unroutable: DialAddress = { address: '255.255.255.255', port: 1, family: 4 };
const internalError = Buffer.from([0x15, 3, 3, 0, 2, 2, 80]);
const asksOnAccept = { listener: { asksOnAccept: true } };

async function pendingClient(rig: Rig): Promise<{ client: Peer; connection: Connection }> {
  rig.policy.onHello = () => ({ kind: 'pending' });
  const client = await rig.connect();
  await client.send(hello);
  const { connection } = await rig.policy.hellos.next();
  return { client, connection };
}

function closeInside(
  rig: Rig,
  hook: 'accepted' | 'hello' | 'dialFailed' | 'ended',
  onClosed: () => void,
): void {
  let isFirst = true;
  const closeBefore = <Answer>(answer: Answer) => {
    if (isFirst) void rig.plane.close().then(onClosed);
    isFirst = false;
    return answer;
  };
  if (hook === 'accepted') rig.policy.onAccepted = () => closeBefore('hello');
  if (hook === 'hello') rig.policy.onHello = () => closeBefore(dialTo(rig.endpoint));
  if (hook === 'dialFailed') rig.policy.onHello = () => dialTo(refusingEndpoint());
  if (hook === 'dialFailed') rig.policy.onDialFailed = () => closeBefore(dialTo(rig.endpoint));
  if (hook === 'ended') rig.policy.onEnded = () => closeBefore(undefined);
}

describeNative('the native plane', (addon, makePlane) => {
  fact(makePlane, 'takes the answers for two connections that are given inside one hook', async (rig) => {
    const waiting = await pendingClient(rig);
    rig.policy.onHello = () => {
      rig.plane.answer(waiting.connection, { kind: 'reject', how: { alert: 112 }, outcome: 'no_route' });
      return dialTo(rig.endpoint, { header: Buffer.from('header') });
    };
    const client = await rig.connect();
    await client.send(hello);
    const upstream = await rig.upstream.next();
    assert.deepEqual(await upstream.receive(6 + hello.length), Buffer.concat([Buffer.from('header'), hello]));
    assert.equal((await waiting.client.receiveAll()).at(-1), 112);
    await rig.expectEnding({ outcome: 'no_route', attempts: 0 });
  });

  fact(makePlane, 'asks about a dial that fails inside the hook for another connection', async (rig) => {
    const waiting = await pendingClient(rig);
    rig.policy.onDialFailed = (connection, { code }) => {
      assert.equal(connection, waiting.connection);
      assert.equal(code, 'ENETUNREACH');
      return dialTo(rig.endpoint, { header: Buffer.from('second') });
    };
    rig.policy.onHello = () => {
      rig.plane.answer(waiting.connection, dialTo(unroutable));
      return dialTo(rig.endpoint, { header: Buffer.from('first!') });
    };
    const client = await rig.connect();
    await client.send(hello);
    const heads = [await rig.upstream.next(), await rig.upstream.next()].map(async (upstream) =>
      (await upstream.receive(6 + hello.length)).toString('latin1', 0, 6),
    );
    assert.deepEqual((await Promise.all(heads)).sort(), ['first!', 'second']);
  });

  fact(
    makePlane,
    'keeps to the first answer where the hook gives two for its own connection',
    async (rig) => {
      rig.policy.onHello = (connection) => {
        rig.plane.answer(connection, dialTo(rig.endpoint));
        return { kind: 'reject', how: 'reset', outcome: 'rejected' };
      };
      await rig.forward();
    },
  );

  fact(makePlane, 'lets a hook look at everything and then answer its own', async (rig) => {
    const others = [await rig.forward(), await rig.forward()];
    rig.policy.onHello = (connection) => {
      for (const other of rig.plane.connections()) {
        assert.equal(other.client.address, '127.0.0.1');
        assert.ok(other.bytesUp >= hello.length);
        assert.equal(other.destination.port, rig.port);
        other.record = connection;
      }
      return dialTo(rig.endpoint);
    };
    const { client, connection } = await rig.forward();
    assert.equal(connection.client.port, client.port);
    for (const other of others) assert.equal(other.connection.record, connection);
  });

  fact(makePlane, 'ends what the hook of another connection aborts', async (rig) => {
    const { client, connection } = await rig.forward();
    rig.policy.onHello = () => {
      rig.plane.abort(connection, 'drained');
      return dialTo(rig.endpoint);
    };
    await rig.forward();
    assert.equal(await client.departure, 'reset');
    await rig.expectEnding({ outcome: 'drained' });
  });

  fact(makePlane, 'ends all where each end aborts the next', async (rig) => {
    for (let count = 0; count < 10; count++) await rig.forward();
    rig.policy.onEnded = () => {
      for (const connection of rig.plane.connections()) rig.plane.abort(connection, 'drained');
    };
    for (const connection of rig.plane.connections()) rig.plane.abort(connection, 'idle_timeout');
    assert.equal(rig.policy.endings.count, 10);
  });

  fact(makePlane, 'shows no connection that ended while it went through them', async (rig) => {
    for (let count = 0; count < 5; count++) await pendingClient(rig);
    let seen = 0;
    for (const connection of rig.plane.connections()) {
      seen++;
      assert.equal(rig.policy.endingCounts.get(connection), undefined);
      for (const other of rig.plane.connections()) {
        rig.plane.answer(other, { kind: 'reject', how: 'close', outcome: 'rejected' });
      }
    }
    assert.equal(seen, 1);
  });

  for (const name of ['accepted', 'hello', 'dialFailed', 'ended'] as const) {
    fact(
      makePlane,
      `closes from inside the hook ${name}`,
      async (rig) => {
        const { client: other } = await rig.forward();
        const closed = new Promise<void>((resolve) => closeInside(rig, name, resolve));
        const client = await rig.connect();
        if (name === 'ended') client.reset();
        else client.socket.end(hello);
        await closed;
        assert.equal(rig.plane.connectionCount, 0);
        assert.equal(rig.policy.endings.count, 2);
        assert.equal(await other.departure, 'reset');
      },
      asksOnAccept,
    );
  }

  fact(makePlane, 'closes once, and tells everybody who closes it', async (rig) => {
    await rig.forward();
    const again: Promise<void>[] = [];
    rig.policy.onEnded = () => again.push(rig.plane.close());
    await Promise.all([rig.plane.close(), rig.plane.close()]);
    await rig.plane.close();
    assert.equal(again.length, 1);
    await Promise.all(again);
  });

  fact(makePlane, 'does nothing for a connection after closing', async (rig) => {
    const { connection } = await pendingClient(rig);
    const closed = rig.plane.close();
    for (const when of ['closing', 'closed']) {
      rig.plane.answer(connection, dialTo(rig.endpoint));
      rig.plane.abort(connection, 'drained');
      rig.plane.setMaxConnections(1);
      rig.plane.stopListening(rig.listener);
      assert.deepEqual([...rig.plane.connections()], [], when);
      const { handle } = bindLoopback();
      assert.throws(() => rig.plane.listen({ ...rig.listener }, handle), {
        code: 'EBADF',
        syscall: 'listen',
      });
      handle.close();
      await closed;
    }
    assert.equal(rig.policy.endings.count, 1);
  });

  fact(
    makePlane,
    'names the listener that accepted where a hook puts another in its place',
    async (rig) => {
      const bound = bindLoopback();
      const first = { ...rig.listener, name: 'first' };
      const second = { ...rig.listener, name: 'second' };
      const names: string[] = [];
      rig.policy.onAccepted = (connection) => {
        names.push(connection.listener.name);
        if (names.length === 1) {
          rig.plane.stopListening(first);
          rig.plane.listen(second, bound.handle);
        }
        return 'hello';
      };
      // Both are for the same socket, so that stopping the first leaves its accept queue to the second.
      rig.plane.listen(first, { fd: bound.handle.fd, close: () => {} });
      const clients = Array.from({ length: 5 }, () => connect(bound.port, '127.0.0.1'));
      await Promise.all(clients.map((client) => once(client, 'connect')));
      await until(() => names.length === 5, 'all are accepted');
      for (const client of clients) client.destroy();
      assert.deepEqual(names, ['first', 'second', 'second', 'second', 'second']);
    },
    asksOnAccept,
  );

  fact(
    makePlane,
    'knows where a client connected to as long as it is there, and what was seen after',
    async (rig) => {
      const destinations: unknown[] = [];
      rig.policy.onEnded = (connection) => destinations.push(connection.destination);
      const seen = await rig.forward();
      const unseen = await rig.forward();
      const expected = { address: '127.0.0.1', port: rig.port, family: 4 };
      assert.deepEqual(seen.connection.destination, expected);
      rig.plane.abort(unseen.connection, 'drained');
      assert.deepEqual(unseen.connection.destination, { address: '0.0.0.0', port: 0, family: 4 });
      rig.plane.abort(seen.connection, 'drained');
      assert.deepEqual(seen.connection.destination, expected);
      assert.deepEqual(destinations, [{ address: '0.0.0.0', port: 0, family: 4 }, expected]);
    },
  );

  it('closes a bare descriptor that it was given', { timeout: 60_000 }, async () => {
    const { handle } = bindLoopback();
    const plane = new NativePlane({ policy: neverAsked, addon });
    const listener = { name: 'edge', helloTimeoutMs: 5000, maxHelloBytes: 65_536, asksOnAccept: false };
    plane.listen(listener, { fd: handle.fd });
    plane.stopListening(listener);
    assert.throws(() => fstatSync(handle.fd), { code: 'EBADF' });
    await plane.close();
  });

  it('warns of what its policy throws where nobody asked to be told', { timeout: 60_000 }, async () => {
    const warnings: Error[] = [];
    const note = (warning: Error) => warnings.push(warning);
    process.on('warning', note);
    const plane = new NativePlane({ policy: neverAsked, addon });
    const { handle, port } = bindLoopback();
    plane.listen({ name: 'edge', helloTimeoutMs: 5000, maxHelloBytes: 65_536, asksOnAccept: false }, handle);
    const client = await Peer.connect(port);
    client.socket.end(hello);
    assert.deepEqual(await client.receiveAll(), internalError);
    await plane.close();
    await until(() => warnings.length > 0, 'it is warned');
    process.off('warning', note);
    assert.match(String(warnings[0]), /is never asked/);
  });

  for (const [what, endpoint] of [
    ['a port that is none', { address: '127.0.0.1', port: 70_000, family: 4 }],
    ['an address of the other family', { address: '::1', port: 1, family: 4 }],
    ['a name', { address: 'localhost', port: 1, family: 4 }],
  ] as const) {
    fact(makePlane, `rejects where the policy would dial ${what}`, async (rig) => {
      const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
      rig.policy.onHello = () => dialTo(endpoint);
      const client = await rig.connect();
      await client.send(hello);
      assert.deepEqual(await client.receiveAll(), internalError);
      await rig.expectEnding({ outcome: 'rejected', attempts: 0 });
      await warned;
    });
  }

  fact(makePlane, 'serves on where even being told of errors fails', async (rig) => {
    const plane = new NativePlane({
      policy: neverAsked,
      addon,
      onPolicyError: (error) => {
        throw error;
      },
    });
    const { handle, port } = bindLoopback();
    plane.listen(rig.listener, handle);
    for (let round = 0; round < 3; round++) {
      const client = await Peer.connect(port);
      client.socket.end(hello);
      assert.deepEqual(await client.receiveAll(), internalError);
    }
    await turns();
    await plane.close();
  });
});

const fail = (): never => {
  throw new Error('the policy is never asked');
};
const neverAsked = { accepted: fail, hello: fail, dialFailed: fail, ended: fail };
