import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  extension,
  fatalAlert,
  type HelloParts,
  hello,
  helloMessage,
  inRecords,
  record,
  records,
  serverNameExtension,
} from './hello-bytes.ts';
import { dial, Endpoint, exchange } from './peers.ts';
import { type EdgeProxy, planes, startProxy } from './proxy.ts';

const maxHelloBytes = 16_384;

async function startClientHelloProxy(t: TestContext, plane: 'native' | 'portable') {
  const endpoint = await Endpoint.open(t);
  const proxy = await startProxy(t, plane, {
    listeners: [
      { name: 'edge', address: '127.0.0.1:0', maxHelloBytes: '16KiB', helloTimeout: '400ms' },
      { name: 'tcp', address: '127.0.0.1:0', maxHelloBytes: '16KiB', helloTimeout: '400ms' },
    ],
    routes: [
      { name: 'named', serverNames: ['a.test'], upstream: 'up' },
      { name: 'plain', listeners: ['tcp'], upstream: 'up' },
    ],
    upstreams: { up: { endpoints: [endpoint.address] } },
  });
  return { endpoint, proxy };
}

/** The hello arrives at the endpoint as sent, and what follows it too. */
async function arrives(
  t: TestContext,
  proxy: EdgeProxy,
  endpoint: Endpoint,
  chunks: readonly Buffer[],
  listener = 'edge',
) {
  const client = await dial(t, proxy.port(listener));
  for (const chunk of chunks) await new Promise((resolve) => client.socket.write(chunk, resolve));
  const peer = await endpoint.next();
  const sent = Buffer.concat(chunks);
  assert.deepEqual(await peer.has(sent.length), sent);
  client.socket.end();
  await peer.ended;
  assert.deepEqual(peer.received, sent);
  peer.socket.end();
  await client.closed;
  const line = await proxy.access.ofClient(client.port);
  assert.equal(line['outcome'], 'ok');
  return line;
}

async function isRefused(
  t: TestContext,
  proxy: EdgeProxy,
  bytes: Buffer,
  alert: number | null,
  outcome: string,
) {
  const client = await exchange(t, proxy.port(), bytes);
  assert.equal(client.closed, 'fin');
  assert.deepEqual(client.received, alert === null ? Buffer.alloc(0) : fatalAlert(alert));
  assert.equal((await proxy.access.ofClient(client.port))['outcome'], outcome);
}

/** Extension length fields and the like, each made wrong on its own. */
const malformed: Readonly<Record<string, Buffer>> = {
  'two server_name extensions': records(
    helloMessage({ serverNames: ['a.test'], extensions: [serverNameExtension(['a.test'])] }),
  ),
  'two host names': records(helloMessage({ serverNames: ['a.test', 'b.test'] })),
  'an extension longer than the message': records(
    helloMessage({ serverNames: ['a.test'], extensions: [Buffer.from([0, 99, 0, 5, 1])] }),
  ),
  'a message that is no ClientHello': records(Buffer.from([2, 0, 0, 2, 3, 3])),
  'a zero-length handshake record': Buffer.concat([
    records(helloMessage({ serverNames: ['a.test'] }).subarray(0, 10)),
    records(Buffer.alloc(0)),
  ]),
  'a zero-length record in front': records(Buffer.alloc(0), helloMessage({ serverNames: ['a.test'] })),
  'a change of record type': Buffer.concat([
    records(helloMessage({ serverNames: ['a.test'] }).subarray(0, 10)),
    record(23, Buffer.from('data')),
  ]),
  'an empty server name': records(helloMessage({ serverNames: [''] })),
};

for (const plane of planes) {
  test(`the ClientHello on the ${plane} plane`, async (context) => {
    const { proxy, endpoint } = await startClientHelloProxy(context, plane);

    await context.test('is reassembled from TCP segments of one byte', async (t) => {
      const bytes = hello('a.test');
      await arrives(
        t,
        proxy,
        endpoint,
        Array.from(bytes, (byte) => Buffer.from([byte])),
      );
    });

    await context.test('is reassembled from two records split at every byte', async (t) => {
      const message = helloMessage({ serverNames: ['a.test'] });
      for (let at = 1; at < message.length; at += 1) {
        const split = records(message.subarray(0, at), message.subarray(at));
        const client = await dial(t, proxy.port());
        client.send(split).socket.end();
        const peer = await endpoint.next();
        await peer.ended;
        assert.deepEqual(peer.received, split);
        peer.socket.end();
      }
      await arrives(t, proxy, endpoint, [inRecords(message, 1)]);
    });

    await context.test('is followed by data the client sent early, a second hello included', async (t) => {
      const early = Buffer.concat([hello('a.test'), record(23, Buffer.alloc(9_000, 7)), hello('other.test')]);
      const line = await arrives(t, proxy, endpoint, [early]);
      assert.equal(line['bytesUp'], early.length);
    });

    await context.test('may be padded up to maxHelloBytes, and not one byte more', async (t) => {
      const padded = (length: number, parts: HelloParts = {}) =>
        inRecords(helloMessage({ serverNames: ['a.test'], length, ...parts }), 8_192);
      const most = padded(maxHelloBytes - 10);
      assert.equal(most.length, maxHelloBytes);
      await arrives(t, proxy, endpoint, [most]);
      await isRefused(t, proxy, padded(maxHelloBytes - 9), 22, 'hello_too_large');
    });

    await context.test('that is malformed gets decode_error, then FIN', async (t) => {
      for (const [what, bytes] of Object.entries(malformed)) {
        const client = await exchange(t, proxy.port(), bytes);
        assert.deepEqual(client.received, fatalAlert(50), what);
        assert.equal(client.closed, 'fin', what);
        assert.equal((await proxy.access.ofClient(client.port))['outcome'], 'malformed_hello', what);
      }
    });

    await context.test(
      'that comes late is ended with FIN and no byte, however steadily it drips',
      async (t) => {
        const client = await dial(t, proxy.port());
        const start = performance.now();
        const bytes = hello('a.test', { length: 4_000 });
        let at = 0;
        const drip = setInterval(() => {
          client.send(bytes.subarray(at, at + 1));
          at += 1;
        }, 20);
        await client.ended;
        clearInterval(drip);
        const took = performance.now() - start;
        client.socket.end();
        assert.ok(took >= 380 && took < 1_500, `${took} ms`);
        assert.equal(client.received.length, 0);
        assert.equal((await proxy.access.ofClient(client.port))['outcome'], 'hello_timeout');
      },
    );

    await context.test(
      'that is none is plain TCP for a route that takes it, and not_tls elsewhere',
      async (t) => {
        const sslv2 = Buffer.from('802e0103010015000000100100800700c0030080000004010080000005020080', 'hex');
        for (const bytes of [Buffer.from('GET / HTTP/1.0\r\n\r\n'), sslv2, Buffer.from([0])]) {
          await isRefused(t, proxy, bytes, null, 'not_tls');
          const line = await arrives(t, proxy, endpoint, [bytes], 'tcp');
          assert.equal(line['route'], 'plain');
          assert.equal(line['serverName'], null);
        }
      },
    );

    await context.test('with an ECH extension is routed by its outer name, and logged so', async (t) => {
      const ech = extension(0xfe0d, Buffer.from([0, 0, 1, 0, 1, 7, 0, 0, 0, 4, 1, 2, 3, 4]));
      const line = await arrives(t, proxy, endpoint, [hello('a.test', { extensions: [ech] })]);
      assert.equal(line['ech'], true);
      assert.equal(line['route'], 'named');
    });
  });
}
