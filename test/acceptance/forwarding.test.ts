import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { fatalAlert, hello } from './hello-bytes.ts';
import { closedPort, dial, Endpoint, exchange } from './peers.ts';
import { type EdgeProxy, planes, startProxy } from './proxy.ts';

async function startForwardingProxy(t: TestContext, plane: 'native' | 'portable') {
  const endpoint = await Endpoint.open(t);
  const dead = [await closedPort(), await closedPort(), await closedPort(), await closedPort()];
  const proxy = await startProxy(t, plane, {
    routes: [
      { serverNames: ['a.test'], upstream: 'live' },
      { serverNames: ['dead.test'], upstream: 'dead' },
      { serverNames: ['once.test'], upstream: 'once' },
      { serverNames: ['failover.test'], upstream: 'failover' },
    ],
    upstreams: {
      live: { endpoints: [endpoint.address] },
      dead: { endpoints: dead, health: { passive: false } },
      once: { endpoints: dead, connectAttempts: 1, health: { passive: false } },
      failover: {
        endpoints: [...dead.slice(0, 2), endpoint.address],
        health: { passive: false },
      },
    },
  });
  return { endpoint, proxy };
}

async function connected(t: TestContext, proxy: EdgeProxy, endpoint: Endpoint) {
  const client = await dial(t, proxy.port());
  const prefix = hello('a.test');
  client.send(prefix);
  const peer = await endpoint.next();
  await peer.has(prefix.length);
  return { client, peer, prefix };
}

function patterned(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE(Math.imul(at ^ seed, 0x9e3779b1) >>> 0, at);
  return bytes;
}

const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

for (const plane of planes) {
  test(`forwarding on the ${plane} plane`, async (context) => {
    const { proxy, endpoint } = await startForwardingProxy(context, plane);

    await context.test('is byte-exact both ways at once', async (t) => {
      const { client, peer, prefix } = await connected(t, proxy, endpoint);
      const up = patterned(16 << 20, 1);
      const down = patterned((16 << 20) + 3, 2);
      client.socket.end(up);
      peer.socket.end(down);
      await Promise.all([client.closed, peer.closed]);
      assert.equal(digest(peer.received), digest(Buffer.concat([prefix, up])));
      assert.equal(digest(client.received), digest(down));
      const line = await proxy.access.ofClient(client.port);
      assert.deepEqual(
        [line['outcome'], line['bytesUp'], line['bytesDown']],
        ['ok', prefix.length + up.length, down.length],
      );
    });

    await context.test('goes on to the client after it half-closes', async (t) => {
      const { client, peer } = await connected(t, proxy, endpoint);
      client.socket.end('last words');
      await peer.ended;
      peer.send('one').socket.end('two');
      assert.equal(await client.closed, 'fin');
      assert.equal(String(client.received), 'onetwo');
      assert.equal((await proxy.access.ofClient(client.port))['outcome'], 'ok');
    });

    await context.test('goes on to the endpoint after it half-closes', async (t) => {
      const { client, peer, prefix } = await connected(t, proxy, endpoint);
      peer.socket.end('answer');
      await client.ended;
      assert.equal(String(client.received), 'answer');
      client.send('more').socket.end();
      assert.equal(await peer.closed, 'fin');
      assert.equal(String(peer.received.subarray(prefix.length)), 'more');
      assert.equal((await proxy.access.ofClient(client.port))['outcome'], 'ok');
    });

    await context.test('turns a reset of the client into one of the endpoint', async (t) => {
      const { client, peer } = await connected(t, proxy, endpoint);
      client.socket.resetAndDestroy();
      assert.equal(await peer.closed, 'reset');
      assert.equal((await proxy.access.ofClient(client.port))['outcome'], 'client_reset');
    });

    await context.test('turns a reset of the endpoint into one of the client', async (t) => {
      const { client, peer } = await connected(t, proxy, endpoint);
      peer.socket.resetAndDestroy();
      assert.equal(await client.closed, 'reset');
      assert.equal((await proxy.access.ofClient(client.port))['outcome'], 'upstream_reset');
    });

    await context.test('delivers what was received before a reset', async (t) => {
      const { client, peer, prefix } = await connected(t, proxy, endpoint);
      peer.socket.pause();
      const up = patterned(200_000, 3);
      await new Promise((resolve) => client.socket.write(up, resolve));
      // What the kernel has not sent yet dies with the socket, so the first byte back says all was taken.
      peer.socket.resume();
      await peer.has(prefix.length + up.length);
      client.socket.resetAndDestroy();
      await peer.closed;
      assert.equal(digest(peer.received.subarray(prefix.length)), digest(up));
    });

    await context.test('slows the sender of a reader who does not read, and nobody else', async (t) => {
      const { client, peer } = await connected(t, proxy, endpoint);
      client.socket.pause();
      const flood = Buffer.alloc(64 << 20);
      peer.send(flood);
      const other = await connected(t, proxy, endpoint);
      other.peer.send('prompt');
      assert.equal(String(await other.client.has(6)), 'prompt');
      other.client.socket.destroy();
      assert.ok(peer.socket.writableLength > 0, 'all 64 MiB were taken');
      client.socket.resume();
      assert.equal((await client.has(flood.length)).length, flood.length);
      client.socket.destroy();
      peer.socket.destroy();
    });

    await context.test('tries another endpoint when one refuses', async (t) => {
      for (let count = 0; count < 6; count += 1) {
        const client = await dial(t, proxy.port());
        client.send(hello('failover.test'));
        const peer = await endpoint.next();
        peer.socket.end();
        client.socket.end();
        const line = await proxy.access.ofClient(client.port);
        assert.deepEqual([line['outcome'], line['endpoint']], ['ok', endpoint.address]);
        assert.ok(Number(line['attempts']) >= 1 && Number(line['attempts']) <= 3);
      }
    });

    await context.test('ends with internal_error when no endpoint is left', async (t) => {
      for (const [name, attempts] of [
        ['dead.test', 3],
        ['once.test', 1],
      ] as const) {
        const client = await exchange(t, proxy.port(), hello(name));
        assert.deepEqual([client.received, client.closed], [fatalAlert(80), 'fin']);
        const line = await proxy.access.ofClient(client.port);
        assert.deepEqual([line['outcome'], line['attempts']], ['upstream_unreachable', attempts]);
      }
    });
  });
}
