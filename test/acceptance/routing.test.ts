import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { fatalAlert, hello, helloMessage, inRecords } from './hello-bytes.ts';
import { dial, exchange, openEndingEndpoint } from './peers.ts';
import { type EdgeProxy, planes, startProxy } from './proxy.ts';

async function startRoutingProxy(t: TestContext, plane: 'native' | 'portable') {
  const endpoint = await openEndingEndpoint(t);
  const to = (name: string, criteria: object) => ({ name, ...criteria, upstream: 'up' });
  const proxy = await startProxy(t, plane, {
    listeners: [
      { name: 'edge', address: '127.0.0.1:0' },
      { name: 'side', address: '127.0.0.1:0' },
      { name: 'bare', address: '127.0.0.1:0' },
    ],
    routes: [
      to('any name on edge and side', { serverNames: ['*'], listeners: ['edge', 'side'] }),
      to('no name', { listeners: ['edge', 'side'] }),
      to('wide', { serverNames: ['*.wide.test'] }),
      to('deep', { serverNames: ['*.deep.wide.test'] }),
      to('one', { serverNames: ['*.one.test'], wildcard: 'one-label' }),
      to('exact', { serverNames: ['exact.wide.test', 'bücher.test'] }),
      to('passed over', { serverNames: ['only-h2.wide.test'], alpn: ['h2'] }),
      to('plain', { serverNames: ['rank.test'] }),
      to('alpn', { serverNames: ['rank.test'], alpn: ['h2'] }),
      to('sources /8', { serverNames: ['rank.test'], sources: ['127.0.0.0/8'] }),
      to('sources /16', { serverNames: ['rank.test'], sources: ['127.7.0.0/16'] }),
      to('listener', { serverNames: ['rank.test'], listeners: ['side'] }),
      to('h2 here', { serverNames: ['alpn.test'], alpn: ['h2', 'h2c'] }),
      { name: 'alert', serverNames: ['alert.test'], reject: 'handshake_failure' },
      { name: 'reset', serverNames: ['reset.test'], reject: 'reset' },
      { name: 'close', serverNames: ['close.test'], reject: 'close' },
    ],
    upstreams: { up: { endpoints: [endpoint.address] } },
  });
  return proxy;
}

interface Asked {
  readonly alpn?: readonly string[];
  readonly listener?: string;
}

async function routeOf(t: TestContext, proxy: EdgeProxy, name: string | Buffer | null, asked: Asked = {}) {
  const bytes = inRecords(
    helloMessage({
      ...(name === null ? {} : { serverNames: [name] }),
      ...(asked.alpn === undefined ? {} : { alpn: asked.alpn }),
    }),
  );
  const client = await exchange(t, proxy.port(asked.listener), bytes);
  return proxy.access.ofClient(client.port).then((line) => line['route']);
}

for (const plane of planes) {
  test(`which route wins on the ${plane} plane`, async (context) => {
    const proxy = await startRoutingProxy(context, plane);
    const routesAre = async (
      t: TestContext,
      cases: readonly (readonly [string | Buffer | null, string | null, Asked?])[],
    ): Promise<void> => {
      const routes = await Promise.all(cases.map(([name, , asked]) => routeOf(t, proxy, name, asked)));
      assert.deepEqual(
        cases.map(([name, , asked], at) => [String(name), routes[at], asked]),
        cases.map(([name, route, asked]) => [String(name), route, asked]),
      );
    };

    await context.test('an exact name beats the longest wildcard, that a shorter, that `*`', (t) =>
      routesAre(t, [
        ['exact.wide.test', 'exact'],
        ['x.deep.wide.test', 'deep'],
        ['x.y.deep.wide.test', 'deep'],
        ['deep.wide.test', 'wide'],
        ['x.y.wide.test', 'wide'],
        ['wide.test', 'any name on edge and side'],
        ['x.one.test', 'one'],
        ['x.y.one.test', 'any name on edge and side'],
        ['xwide.test', 'any name on edge and side'],
        [null, 'no name'],
      ]),
    );

    await context.test('names are compared in lower case, without a trailing dot, as A-labels', (t) =>
      routesAre(t, [
        ['EXACT.Wide.TEST', 'exact'],
        ['exact.wide.test.', 'exact'],
        ['XN--BCHER-KVA.test.', 'exact'],
        ['under_score.wide.test', 'wide'],
      ]),
    );

    await context.test('an IP literal and a name that is none match only routes without serverNames', (t) =>
      routesAre(t, [
        ['127.0.0.1', 'no name'],
        ['::1', 'no name'],
        ['[::1]', 'no name'],
        ['a..wide.test', 'no name'],
        ['.wide.test', 'no name'],
        ['exact.wide.test..', 'no name'],
        ['.', 'no name'],
        ['sp ace.wide.test', 'no name'],
        ['*.wide.test', 'no name'],
        [`${'a'.repeat(64)}.wide.test`, 'no name'],
        [`${'a.'.repeat(130)}wide.test`, 'no name'],
        [Buffer.from('nul\0.wide.test'), 'no name'],
        [Buffer.from('bücher.test'), 'no name'],
        ['127.0.0.1', null, { listener: 'bare' }],
      ]),
    );

    await context.test('a route whose other criteria fail is passed over for the next name', (t) =>
      routesAre(t, [
        ['only-h2.wide.test', 'passed over', { alpn: ['http/1.1', 'h2'] }],
        ['only-h2.wide.test', 'wide', { alpn: ['http/1.1'] }],
        ['only-h2.wide.test', 'wide'],
        ['alpn.test', 'h2 here', { alpn: ['h2c'], listener: 'bare' }],
        ['alpn.test', null, { alpn: ['h2d'], listener: 'bare' }],
        ['alpn.test', 'any name on edge and side', { alpn: ['H2'] }],
      ]),
    );

    await context.test('equal names: listeners, then the longest source, then alpn', async (t) => {
      await routesAre(t, [
        ['rank.test', 'listener', { alpn: ['h2'], listener: 'side' }],
        ['rank.test', 'sources /8', { alpn: ['h2'] }],
      ]);
    });

    await context.test('nothing matches: unrecognized_name, then FIN', async (t) => {
      const client = await exchange(t, proxy.port('bare'), hello('nobody.test'));
      assert.deepEqual(client.received, fatalAlert(112));
      assert.equal(client.closed, 'fin');
      const line = await proxy.access.ofClient(client.port);
      assert.deepEqual([line['outcome'], line['route']], ['no_route', null]);
    });

    await context.test('a TLS client is told unrecognized_name', async (t) => {
      const socket = connectTls({ port: proxy.port('bare'), host: '127.0.0.1', servername: 'nobody.test' });
      t.after(() => socket.destroy());
      const error = await new Promise<unknown>((resolve) => socket.once('error', resolve));
      assert.match(String(error), /unrecognized name/);
    });

    await context.test('a route rejects by an alert, by RST or by FIN', async (t) => {
      const alerted = await exchange(t, proxy.port(), hello('alert.test'));
      assert.deepEqual([alerted.received, alerted.closed], [fatalAlert(40), 'fin']);
      const closed = await exchange(t, proxy.port(), hello('close.test'));
      assert.deepEqual([closed.received, closed.closed], [Buffer.alloc(0), 'fin']);
      const reset = await dial(t, proxy.port());
      reset.send(hello('reset.test'));
      assert.equal(await reset.closed, 'reset');
      for (const [port, route] of [
        [alerted.port, 'alert'],
        [closed.port, 'close'],
        [reset.port, 'reset'],
      ] as const) {
        const line = await proxy.access.ofClient(port);
        assert.deepEqual([line['outcome'], line['route']], ['rejected', route]);
      }
    });
  });
}
