import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { describe, test } from 'node:test';

import { checkConfig } from '../../src/config/load.ts';
import type { ToSupervisor, ToWorker } from '../../src/worker/messages.ts';
import { Worker } from '../../src/worker/worker.ts';

/** What a worker is told first. */
const configure = (): ToWorker[] => {
  const checked = checkConfig({
    listeners: [{ name: 'edge', address: '127.0.0.1:0' }],
    routes: [{ upstream: 'shop' }],
    upstreams: { shop: { endpoints: ['127.0.0.1:1'] } },
    timeouts: { drain: '1h' },
    log: { access: 'off' },
  });
  assert.ok(checked.ok);
  const { routes, ...snapshot } = checked.snapshot;
  const worker = {
    workerIndex: 0,
    workerCount: 1,
    limitRow: undefined,
    limitColumns: new Map(),
    ownListeners: [],
    credentials: undefined,
  };
  return [
    { kind: 'routes', offset: 0, totalBytes: routes.bytes.length, bytes: routes.bytes },
    { kind: 'configure', snapshot, plane: 'portable', ...worker },
  ];
};

/** What the supervisor would send: see BoundSocket. */
function boundHandle(): { handle: unknown; port: number } {
  const create: (address: string, port: number, family: number) => unknown = Reflect.get(
    net,
    '_createServerHandle',
  );
  const handle = create('127.0.0.1', 0, 4);
  assert.ok(typeof handle === 'object' && handle !== null && 'getsockname' in handle);
  assert.ok(typeof handle.getsockname === 'function');
  const name = { port: 0 };
  handle.getsockname(name);
  return { handle, port: name.port };
}

/** A worker that serves, with a client it has accepted. */
async function servingWorker() {
  const told: ToSupervisor[] = [];
  const worker = new Worker((message) => told.push(message));
  const { handle, port } = boundHandle();
  for (const message of configure()) worker.receive(message, undefined);
  worker.receive({ kind: 'socket', listener: 'edge' }, handle);
  worker.receive({ kind: 'serve' }, undefined);
  assert.deepEqual(told, [{ kind: 'ready' }]);
  const client = net.connect(port, '127.0.0.1');
  await once(client, 'connect');
  return { worker, told, client, port };
}

describe('a worker', () => {
  test('ends at once when told to drain without a connection', async () => {
    const { worker, client } = await servingWorker();
    client.destroy();
    worker.receive({ kind: 'drain', timeoutMs: 3_600_000, acceptsWaiting: true }, undefined);
    await worker.ended;
  });

  test('resets what is live when the time to drain is up', async () => {
    const { worker, client } = await servingWorker();
    const failed = once(client, 'error');
    // Half a record header: the connection is live, and stays until its hello is late.
    client.write(Buffer.from([0x16, 0x03]));
    await new Promise((resolve) => setImmediate(resolve));
    worker.receive({ kind: 'drain', timeoutMs: 50, acceptsWaiting: true }, undefined);
    await worker.ended;
    assert.equal((await failed)[0].code, 'ECONNRESET');
  });

  test('asks for a successor when it is to leave by itself, and serves until it is told to drain', async () => {
    const { worker, told, client } = await servingWorker();
    worker.leave();
    assert.deepEqual(told, [{ kind: 'ready' }, { kind: 'leaving' }]);
    client.destroy();
    worker.receive({ kind: 'drain', timeoutMs: 0, acceptsWaiting: true }, undefined);
    await worker.ended;
  });

  test('takes in who comes while it waits for those in the queue, where nobody else will', async () => {
    const { worker, client, port } = await servingWorker();
    client.destroy();
    worker.receive({ kind: 'drain', timeoutMs: 3_600_000, acceptsWaiting: true }, undefined);
    await new Promise((resolve) => setImmediate(resolve));
    const late = net.connect(port, '127.0.0.1');
    await once(late, 'connect');
    late.end('no TLS');
    // It is the worker that ends it: nobody is at the endpoint's address.
    await once(late.resume(), 'end');
    await worker.ended;
  });

  test('takes nobody in any more where another has the sockets', async () => {
    const { worker, client, port } = await servingWorker();
    client.destroy();
    worker.receive({ kind: 'drain', timeoutMs: 3_600_000, acceptsWaiting: false }, undefined);
    await new Promise((resolve) => setImmediate(resolve));
    const [error] = await once(net.connect(port, '127.0.0.1'), 'error');
    assert.equal(error.code, 'ECONNREFUSED');
    await worker.ended;
  });

  test('says why it cannot serve, and ends', async () => {
    const told: ToSupervisor[] = [];
    const worker = new Worker((message) => told.push(message));
    for (const message of configure()) worker.receive(message, undefined);
    worker.receive({ kind: 'serve' }, undefined);
    await worker.ended;
    const problem = 'a worker cannot serve: no socket arrived for listener edge';
    assert.deepEqual(told, [{ kind: 'failed', problem }]);
  });

  test('ends where it was never told what to serve', async () => {
    const worker = new Worker(() => {});
    worker.receive({ kind: 'abort' }, undefined);
    await worker.ended;
  });
});
