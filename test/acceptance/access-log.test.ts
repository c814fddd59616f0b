import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { hello, records } from './hello-bytes.ts';
import { dial, Endpoint } from './peers.ts';
import { planes, startProxy } from './proxy.ts';

const fields = [
  'time',
  'id',
  'listener',
  'client',
  'serverName',
  'alpn',
  'tlsVersion',
  'ja4',
  'ech',
  'route',
  'upstream',
  'endpoint',
  'attempts',
  'bytesUp',
  'bytesDown',
  'helloMs',
  'connectMs',
  'durationMs',
  'outcome',
];

async function startLoggingProxy(t: TestContext, plane: 'native' | 'portable') {
  const endpoint = await Endpoint.open(t);
  const proxy = await startProxy(t, plane, {
    routes: [{ name: 'all', upstream: 'up' }],
    upstreams: { up: { endpoints: [endpoint.address] } },
    timeouts: { idle: '600ms', halfClosed: '300ms', drain: '200ms' },
  });
  return { endpoint, proxy };
}

for (const plane of planes) {
  test(`the access log on the ${plane} plane`, async (context) => {
    const { proxy, endpoint } = await startLoggingProxy(context, plane);
    const open = async (t: TestContext) => {
      const client = await dial(t, proxy.port());
      client.send(hello('a.test'));
      const peer = await endpoint.next();
      return { client, peer, start: performance.now() };
    };

    await context.test('has every field, of a real TLS client', async (t) => {
      const socket = connectTls({
        port: proxy.port(),
        host: '127.0.0.1',
        servername: 'Shop.Test',
        ALPNProtocols: ['h2', 'http/1.1'],
      });
      socket.once('error', () => {});
      t.after(() => socket.destroy());
      const peer = await endpoint.next();
      const port = socket.localPort ?? 0;
      peer.send('hi').socket.end();
      const line = await proxy.access.ofClient(port);
      assert.deepEqual(Object.keys(line), fields);
      assert.match(
        String(line['id']),
        /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      );
      assert.match(String(line['ja4']), /^t13d[0-9]{4}h2_[0-9a-f]{12}_[0-9a-f]{12}$/);
      assert.ok(Math.abs(Date.parse(String(line['time'])) - Date.now()) < 60_000);
      assert.equal(String(line['serverName']).toLowerCase(), 'shop.test');
      assert.deepEqual(line['alpn'], ['h2', 'http/1.1']);
      assert.deepEqual(
        [line['listener'], line['route'], line['upstream'], line['endpoint'], line['attempts']],
        ['edge', 'all', 'up', endpoint.address, 1],
      );
      assert.deepEqual([line['tlsVersion'], line['ech'], line['bytesDown']], ['1.3', false, 2]);
      for (const name of ['helloMs', 'connectMs', 'durationMs'])
        assert.ok(Number(line[name]) >= 0, `${name} is ${line[name]}`);
    });

    await context.test('says idle_timeout once no byte came for so long', async (t) => {
      const { client, start } = await open(t);
      await Promise.race([client.ended, client.closed]);
      const took = performance.now() - start;
      const line = await proxy.access.ofClient(client.port);
      assert.equal(line['outcome'], 'idle_timeout');
      assert.ok(took > 550 && took < 2_500, `${took} ms`);
    });

    await context.test('says half_closed_timeout once one side ended so long ago', async (t) => {
      const { client, peer } = await open(t);
      client.socket.end();
      await peer.ended;
      const start = performance.now();
      await Promise.race([client.ended, client.closed]);
      const took = performance.now() - start;
      assert.equal((await proxy.access.ofClient(client.port))['outcome'], 'half_closed_timeout');
      assert.ok(took > 250 && took < 1_500, `${took} ms`);
    });

    await context.test('says client_closed_early of a client that ends before its hello does', async (t) => {
      const silent = await dial(t, proxy.port());
      silent.socket.end();
      const partial = await dial(t, proxy.port());
      partial.send(hello('a.test').subarray(0, 20)).socket.end();
      for (const client of [silent, partial])
        assert.equal((await proxy.access.ofClient(client.port))['outcome'], 'client_closed_early');
    });

    await context.test('escapes what a client controls', async (t) => {
      const name = 'x","outcome":"forged"\n\u2028\u001b[31m';
      const client = await dial(t, proxy.port());
      client.send(hello(name, { alpn: ['"\n\u0000'] }));
      (await endpoint.next()).socket.end();
      client.socket.end();
      const line = await proxy.access.ofClient(client.port);
      assert.equal(line['outcome'], 'ok');
      assert.deepEqual(Object.keys(line), fields);
      assert.deepEqual(line['alpn'], ['"\n\u0000']);
    });

    await context.test('logs nothing a client sends above info', async (t) => {
      const client = await dial(t, proxy.port());
      client.send(records(Buffer.from([9, 9, 9, 9])));
      await client.ended;
      client.socket.end();
      await proxy.access.ofClient(client.port);
      assert.deepEqual(
        proxy.events.all.filter((event) => event['level'] !== 'info' && event['reason'] === undefined),
        [],
      );
    });

    await context.test(
      'says drained of a connection that outlives the drain; the exit code is 0',
      async (t) => {
        const { client } = await open(t);
        const start = performance.now();
        proxy.child.kill('SIGTERM');
        assert.deepEqual(await proxy.exit, { code: 0, signal: null });
        assert.ok(performance.now() - start < 2_500);
        assert.equal((await proxy.access.ofClient(client.port))['outcome'], 'drained');
      },
    );
  });
}
