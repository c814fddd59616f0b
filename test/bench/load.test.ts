import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { LoadRun } from '../../bench/load/load-run.ts';
import { nativeLoad } from '../../bench/load/native-load.ts';

const hello = fileURLToPath(new URL('../vectors/hellos/captured/curl-default.bin', import.meta.url));
const backend = '127.0.1.1';

/** A proxy that counts, and the port that the load's backend is to have. */
class CountingProxy {
  resets = 0;
  opened = 0;
  closed = 0;
  backendPort = 0;
  readonly #server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ host: backend, port: this.backendPort, allowHalfOpen: true });
    this.#count(client, upstream);
    this.#count(upstream, client);
    client.pipe(upstream).pipe(client);
  });

  async start(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  #count(socket: Socket, other: Socket): void {
    this.opened += 1;
    socket.on('error', () => {
      this.resets += 1;
      other.destroy();
    });
    socket.on('close', () => {
      this.closed += 1;
    });
  }

  close(): void {
    this.#server.close();
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, backend);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

describe('the load', { skip: process.platform === 'linux' ? false : 'it needs epoll' }, () => {
  const proxy = new CountingProxy();
  let port: number;
  before(async () => {
    port = await proxy.start();
    proxy.backendPort = await freePort();
  });
  after(() => proxy.close());

  for (const mode of ['connect', 'echo', 'down', 'up']) {
    test(`ends its connections in order: ${mode}`, async () => {
      const settings = ['--mode', mode, '--clients', '8', '--warm', '0.05', '--seconds', '0.2'];
      const places = ['--proxy', port, '--server', proxy.backendPort, '--hello', hello].map(String);
      const run = new LoadRun([nativeLoad(), ...places, ...settings], undefined);
      await run.said('started');
      const result = await run.result();
      await run.stop();
      assert.ok(result.operations > 0 || result.bytes > 0);
      assert.equal(result.errors, 0);
      while (proxy.closed < proxy.opened) await new Promise((resolve) => setTimeout(resolve, 5));
      assert.ok(proxy.opened >= 16);
      assert.equal(proxy.resets, 0);
    });
  }
});
