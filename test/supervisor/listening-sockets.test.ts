import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { describe, test } from 'node:test';

import type { ListenerSnapshot } from '../../src/config/snapshot.ts';
import { loadAddon, type SharedPorts } from '../../src/data-plane/load-plane.ts';
import { ListeningSockets } from '../../src/supervisor/listening-sockets.ts';

const listener = (name: string, host: string | undefined, port = 0): ListenerSnapshot => ({
  name,
  host,
  port,
  acceptProxyFrom: undefined,
  helloTimeoutMs: 5_000,
  maxHelloBytes: 65_536,
});

/** How sockets are opened: by Node.js alone and, where there is one, by the addon. */
const ways = new Map<string, SharedPorts | undefined>([['Node.js alone', undefined]]);
const loaded = loadAddon();
if (loaded.ok) ways.set('the addon', loaded.addon);
else if (process.platform === 'linux') throw new Error(`the addon does not load: ${loaded.reason}`);

for (const [way, ports] of ways) {
  describe(`listening sockets by ${way}`, () => {
    const openAll = async (listeners: readonly ListenerSnapshot[], workers = 2) => {
      const opened = await ListeningSockets.open(listeners, workers, ports);
      if (!opened.ok) throw new Error(opened.problems.join('\n'));
      return opened.sockets;
    };

    test('has a socket of every listener for every worker, on one port', async () => {
      const sockets = await openAll([listener('one', '127.0.0.1'), listener('two', '127.0.0.1')], 3);
      try {
        const addresses = new Map(sockets.addresses());
        assert.notEqual(addresses.get('one')?.port, addresses.get('two')?.port);
        for (const worker of [0, 1, 2]) {
          const own = [...sockets.forWorker(worker)].map(([name, { address }]) => [name, address]);
          assert.deepEqual(own, [...addresses]);
        }
      } finally {
        sockets.close();
      }
    });

    test('opens nothing where one listener cannot be had, and tells of every such one', async () => {
      const taken = createServer();
      taken.listen(0, '127.0.0.1');
      await once(taken, 'listening');
      const { port } = taken.address() as AddressInfo;
      const free = await freePort();
      try {
        const listeners = [
          listener('free', '127.0.0.1', free),
          listener('taken', '127.0.0.1', port),
          listener('foreign', '192.0.2.1', 8443),
        ];
        const opened = await ListeningSockets.open(listeners, 2, ports);
        assert.ok(!opened.ok);
        assert.equal(opened.problems.length, 2);
        assert.match(
          opened.problems[0] ?? '',
          /^listener taken: cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/,
        );
        assert.match(
          opened.problems[1] ?? '',
          /^listener foreign: cannot listen on 192\.0\.2\.1:8443: .*EADDRNOTAVAIL/,
        );
        const again = await openAll([listener('free', '127.0.0.1', free)]);
        again.close();
      } finally {
        taken.close();
      }
    });

    test('a name is bound at its address', async () => {
      const sockets = await openAll([listener('local', 'localhost')]);
      const [[, address] = []] = sockets.addresses();
      sockets.close();
      assert.match(address?.address ?? '', /^127\.0\.0\.1$|^::1$/);
    });

    test('no host is every address of both families', async () => {
      const sockets = await openAll([listener('all', undefined)]);
      const [[, address] = []] = sockets.addresses();
      sockets.close();
      assert.match(address?.address ?? '', /^::$|^0\.0\.0\.0$/);
    });
  });
}

describe('listening sockets of the addon', { skip: loaded.ok ? false : loaded.reason }, () => {
  const ports = loaded.ok ? loaded.addon : undefined;

  test('a second proxy of the same user cannot join the port', async () => {
    const first = await ListeningSockets.open([listener('edge', '127.0.0.1')], 2, ports);
    assert.ok(first.ok);
    const [[, { port }] = ['', { port: 0 }]] = first.sockets.addresses();
    const second = await ListeningSockets.open([listener('edge', '127.0.0.1', port)], 2, ports);
    first.sockets.close();
    assert.ok(!second.ok);
    assert.match(second.problems.join(), /EADDRINUSE/);
  });

  test('connections queue before any worker is there', async () => {
    const opened = await ListeningSockets.open([listener('edge', '127.0.0.1')], 2, ports);
    assert.ok(opened.ok);
    const [[, { port }] = ['', { port: 0 }]] = opened.sockets.addresses();
    const client = connect(port, '127.0.0.1');
    await once(client, 'connect');
    client.destroy();
    opened.sockets.close();
  });

  test('IPv4 reaches a socket for every address', async () => {
    const opened = await ListeningSockets.open([listener('all', undefined)], 1, ports);
    assert.ok(opened.ok);
    const [[, { port }] = ['', { port: 0 }]] = opened.sockets.addresses();
    const client = connect(port, '127.0.0.1');
    await once(client, 'connect');
    client.destroy();
    opened.sockets.close();
  });

  test('errors look like those of Node.js', () => {
    assert.throws(
      () =>
        ports?.openListeningSocket({
          address: '192.0.2.1',
          port: 8443,
          family: 4,
          backlog: 1,
          ipv6Only: false,
          sharesPort: false,
          joins: false,
        }),
      {
        code: 'EADDRNOTAVAIL',
        syscall: 'bind',
        address: '192.0.2.1',
        port: 8443,
        message: 'bind EADDRNOTAVAIL: address not available 192.0.2.1:8443',
      },
    );
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
