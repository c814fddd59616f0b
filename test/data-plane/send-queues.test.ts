import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { hasUnacknowledgedBytes } from '../../src/data-plane/send-queues.ts';
import { connectedSockets } from './connected-sockets.ts';

/** More than both sides' buffers take. */
const lots = Buffer.alloc(32 * 1024 * 1024);

/** The accepted ends of connections from one port, the same for each of these addresses. */
async function acceptedFrom(host: string, addresses: readonly string[]): Promise<Socket[]> {
  const server = createServer({ pauseOnConnect: true });
  server.listen({ host, port: 0 });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const accepted: Socket[] = [];
  let localPort = 0;
  for (const localAddress of addresses) {
    const connection = once(server, 'connection');
    const client = connect({ host: '127.0.0.1', port, localAddress, localPort }).pause();
    const [socket] = await connection;
    client.on('error', () => {});
    socket.on('error', () => {});
    accepted.push(socket);
    localPort = socket.remotePort;
  }
  server.close();
  return accepted;
}

describe('bytes in the send queue', {
  skip: process.platform === 'linux' ? false : 'only Linux lists them',
}, () => {
  test('are seen while the other side reads nothing', async () => {
    const [near, far] = await connectedSockets();
    near.write(lots);
    assert.equal(await hasUnacknowledgedBytes(near), true);
    near.destroy();
    far.destroy();
  });

  test('are seen by whoever asks after they were written', async () => {
    const [near, far] = await connectedSockets();
    const before = hasUnacknowledgedBytes(near);
    await nextTurn();
    near.write(lots);
    const after = hasUnacknowledgedBytes(near);
    await before;
    assert.equal(await after, true);
    near.destroy();
    far.destroy();
  });

  test('are told of to a few in each turn of the loop, however many have asked', async () => {
    const many = 200;
    const [near, far] = await connectedSockets();
    let answered = 0;
    for (let i = 0; i < many; i++) {
      void hasUnacknowledgedBytes(near).then(() => {
        answered += 1;
      });
    }
    let most = 0;
    while (answered < many) {
      const before = answered;
      await nextTurn();
      most = Math.max(most, answered - before);
    }
    assert.ok(most <= many / 4, `${most} in one turn`);
    near.destroy();
    far.destroy();
  });

  for (const host of ['127.0.0.1', '::']) {
    test(`are not those of another client from the same port, to a listener at ${host}`, async () => {
      const [stuck, free] = await acceptedFrom(host, ['127.0.0.2', '127.0.0.3']);
      assert.ok(stuck && free);
      assert.equal(stuck.remotePort, free.remotePort);
      stuck.write(lots);
      const answers = await Promise.all([stuck, free].map(hasUnacknowledgedBytes));
      assert.deepEqual(answers, [true, false]);
      for (const socket of [stuck, free]) socket.resetAndDestroy();
    });
  }

  test('are not there where nothing was written', async () => {
    const [near, far] = await connectedSockets();
    const answers = await Promise.all([near, far].map(hasUnacknowledgedBytes));
    assert.deepEqual(answers, [false, false]);
    near.destroy();
    far.destroy();
  });
});
