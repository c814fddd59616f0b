import { strict as assert } from 'node:assert';
import cluster from 'node:cluster';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { DataPlane, ListeningSocket, Policy } from '../../src/data-plane/data-plane.ts';
import { PortablePlane } from '../../src/data-plane/portable-plane.ts';
import { PortableTimer } from '../../src/data-plane/portable-timer.ts';
import { bindLoopback } from '../conformance/bound-socket.ts';
import { openDescriptors } from '../conformance/open-descriptors.ts';
import { sendUntilStopped } from '../conformance/payload.ts';
import { Peer } from '../conformance/peer.ts';
import { hello, Rig } from '../conformance/rig.ts';
import { dialTo } from '../conformance/scripted-policy.ts';
import { until } from '../conformance/wait.ts';

const internalError = Buffer.from([0x15, 3, 3, 0, 2, 2, 80]);

const throwing: Policy = {
  accepted: () => 'hello',
  hello: () => {
    throw new Error('the policy throws');
  },
  dialFailed: () => ({ kind: 'reject', how: 'close', outcome: 'upstream_unreachable' }),
  ended: () => {},
};

function listen(plane: DataPlane, socket: ListeningSocket): void {
  plane.listen({ name: 'edge', helloTimeoutMs: 5000, maxHelloBytes: 65_536, asksOnAccept: false }, socket);
}

async function expectInternalError(port: number): Promise<void> {
  const client = await Peer.connect(port);
  client.socket.end(hello);
  assert.deepEqual(await client.receiveAll(), internalError);
}

function timers(): number {
  return process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
}

describe('the portable plane', () => {
  it('tells what its policy throws', { timeout: 60_000 }, async () => {
    const errors: unknown[] = [];
    const plane = new PortablePlane({ policy: throwing, onPolicyError: (error) => errors.push(error) });
    const { handle, port } = bindLoopback();
    listen(plane, handle);
    await expectInternalError(port);
    await plane.close();
    assert.equal(errors.length, 1);
    assert.match(String(errors[0]), /the policy throws/);
  });

  it('warns of what its policy throws where nobody asked to be told', { timeout: 60_000 }, async () => {
    const warned = once(process, 'warning');
    const plane = new PortablePlane({ policy: throwing });
    const { handle, port } = bindLoopback();
    listen(plane, handle);
    await expectInternalError(port);
    await plane.close();
    assert.match(String((await warned)[0]), /the policy throws/);
  });

  it('tells of a dial that cannot be, and goes on', { timeout: 60_000 }, async () => {
    const errors: unknown[] = [];
    const endpoint = { address: '127.0.0.1', port: 70_000, family: 4 } as const;
    const policy: Policy = { ...throwing, hello: () => dialTo(endpoint) };
    const plane = new PortablePlane({ policy, onPolicyError: (error) => errors.push(error) });
    const { handle, port } = bindLoopback();
    listen(plane, handle);
    for (let round = 1; round <= 2; round++) {
      const client = await Peer.connect(port);
      client.socket.end(hello);
      assert.equal(await client.departure, 'reset');
      assert.equal(errors.length, round);
    }
    await plane.close();
  });

  it('throws where it cannot listen', () => {
    const plane = new PortablePlane({ policy: throwing });
    const { handle } = bindLoopback();
    handle.close();
    assert.throws(() => listen(plane, handle));
  });

  it('resets a reader whose stream it breaks off for being idle', { timeout: 60_000 }, async () => {
    const rig = await Rig.open((policy) => new PortablePlane({ policy }));
    rig.policy.onHello = () => dialTo(rig.endpoint, { timeouts: { idleMs: 1000, halfClosedMs: 5000 } });
    const { client, upstream } = await rig.forward();
    client.stopReading();
    (await sendUntilStopped(upstream)).lastBlock.catch(() => {});
    await rig.expectEnding({ outcome: 'idle_timeout' });
    client.startReading();
    assert.equal(await client.departure, 'reset');
    await rig.close();
  });

  it('knows who it was that was reset while waiting for its turn', { timeout: 60_000 }, async () => {
    const rig = await Rig.open((policy) => new PortablePlane({ policy }));
    rig.plane.setMaxConnections(1);
    const { client: first } = await rig.forward();
    const before = openDescriptors();
    const second = await rig.connect();
    const { port } = second;
    await until(() => openDescriptors() === before + 2, 'it is accepted');
    second.reset();
    first.reset();
    await rig.expectEnding({ outcome: 'client_reset' });
    const { connection } = await rig.expectEnding({ outcome: 'client_closed_early' });
    assert.deepEqual(connection.client, { address: '127.0.0.1', port, family: 4 });
    await rig.close();
  });

  it('leaves no timer behind', { timeout: 60_000 }, async () => {
    const rig = await Rig.open((policy) => new PortablePlane({ policy }));
    const before = timers();
    for (let round = 0; round < 10; round++) {
      const { client, upstream } = await rig.forward();
      client.end();
      upstream.end();
      await rig.expectEnding({ outcome: 'ok' });
    }
    assert.equal(timers(), before);
    await rig.close();
  });

  it('may be closed twice', { timeout: 60_000 }, async () => {
    const plane = new PortablePlane({ policy: throwing });
    listen(plane, bindLoopback().handle);
    await Promise.all([plane.close(), plane.close()]);
    await plane.close();
  });

  for (const form of ['handle', 'descriptor'] as const) {
    it(`listens in a cluster worker on a ${form} of its own`, { timeout: 60_000 }, async () => {
      cluster.setupPrimary({
        exec: fileURLToPath(new URL('portable-worker.ts', import.meta.url)),
        args: [form],
        execArgv: ['--import', 'tsx'],
      });
      const worker = cluster.fork();
      try {
        await once(worker, 'message');
        const { handle, port } = bindLoopback();
        worker.process.send('listen', handle as never);
        await once(worker, 'message');
        // Had the worker asked the primary for a socket of that descriptor, it would be this one or none.
        handle.close();
        const client = await Peer.connect(port);
        client.socket.end(hello);
        assert.deepEqual(await client.receiveAll(), internalError);
      } finally {
        worker.kill();
        await once(worker, 'exit');
      }
    });
  }
});

describe('the portable timer', () => {
  it('does not fire at once for a delay longer than setTimeout takes', { timeout: 60_000 }, async () => {
    const long = new PortableTimer();
    long.arm(2 ** 40, () => assert.fail('it fires'));
    await new Promise<void>((resolve) => new PortableTimer().arm(20, resolve));
    long.disarm();
  });

  it('holds one deadline: the last', { timeout: 60_000 }, async () => {
    const fired: string[] = [];
    const timer = new PortableTimer();
    timer.arm(5, () => fired.push('first'));
    await new Promise<void>((resolve) => {
      timer.arm(30, () => {
        fired.push('second');
        resolve();
      });
    });
    assert.deepEqual(fired, ['second']);
  });
});
