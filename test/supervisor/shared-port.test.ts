import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, test } from 'node:test';

import { loadAddon } from '../../src/data-plane/load-plane.ts';
import { BoundSocket } from '../../src/supervisor/bound-socket.ts';
import { dealToAll, openForEach, resize } from '../../src/supervisor/shared-port.ts';

const loaded = loadAddon();
if (process.platform === 'linux' && !loaded.ok) throw new Error(`the addon does not load: ${loaded.reason}`);

describe('the sockets of one port', { skip: loaded.ok ? false : loaded.reason }, () => {
  const addon = loaded.ok ? loaded.addon : undefined;

  /** Opens sockets for so many workers, and has `use` change their number. */
  const withSockets = async (
    count: number,
    use: (sockets: readonly BoundSocket[], port: Port) => Promise<void>,
  ) => {
    assert.ok(addon);
    const sockets = openForEach({ address: '127.0.0.1', port: 0, family: 4 }, count, addon);
    const port = new Port(sockets[0]?.address.port ?? 0);
    try {
      await use(sockets, port);
    } finally {
      port.hangUp();
      for (const socket of sockets) socket.close();
    }
  };

  const waiting = (socket: BoundSocket | undefined) => addon?.acceptQueueLength(socket?.fd ?? -1) ?? 0;

  test('are as many as there are workers, and all get connections', () =>
    withSockets(3, async (sockets, port) => {
      await port.knock(60);
      assert.equal(sockets.length, 3);
      for (const socket of sockets) assert.ok(waiting(socket) > 0);
    }));

  test('are fewer for fewer workers: the others keep who waits, and get nobody new', () =>
    withSockets(3, async (sockets, port) => {
      await port.knock(60);
      const before = waiting(sockets[2]);
      assert.deepEqual(resize(sockets, 2, addon), sockets.slice(0, 2));
      await port.knock(60);
      assert.equal(waiting(sockets[2]), before);
    }));

  for (const count of [1, 2]) {
    test(`are ${count + 2} in place of ${count}: the new ones get nobody before all are meant`, () =>
      withSockets(count, async (sockets, port) => {
        assert.ok(addon);
        const grown = resize(sockets, count + 2, addon);
        const added = grown.slice(count);
        try {
          assert.equal(added.length, 2);
          await port.knock(40);
          for (const socket of added) assert.equal(waiting(socket), 0);
          dealToAll(grown, addon);
          await port.knock(80);
          for (const socket of grown) assert.ok(waiting(socket) > 0);
        } finally {
          for (const socket of added) socket.close();
        }
      }));
  }

  test('are shared where they are a service manager’s', () =>
    withSockets(1, async ([own]) => {
      assert.ok(own);
      const held = BoundSocket.inherit(own.fd, 'service-manager');
      assert.deepEqual(resize([held], 3, addon), [held]);
    }));

  test('stay as they are without the addon, and are not left without a worker', () =>
    withSockets(2, async (sockets) => {
      assert.equal(resize(sockets, 3, undefined), sockets);
      assert.throws(() => resize(sockets, 1, undefined), /2 workers share the port, and 1 can .*addon/);
    }));
});

/** Clients of a port at which nobody accepts. */
class Port {
  readonly #port: number;
  readonly #clients: Socket[] = [];

  constructor(port: number) {
    this.#port = port;
  }

  async knock(times: number): Promise<void> {
    for (let i = 0; i < times; i++) {
      const client = connect(this.#port, '127.0.0.1');
      this.#clients.push(client);
      await once(client, 'connect');
    }
  }

  hangUp(): void {
    for (const client of this.#clients) client.on('error', () => {}).destroy();
  }
}
