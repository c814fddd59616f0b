import { strict as assert } from 'node:assert';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { DialAddress } from '../../src/data-plane/data-plane.ts';
import { EventQueue } from '../conformance/event-queue.ts';
import { payload } from '../conformance/payload.ts';
import { Peer } from '../conformance/peer.ts';
import { hello, Rig } from '../conformance/rig.ts';
import { UpstreamServer } from '../conformance/upstream-server.ts';
import { describeNative } from './native-fixture.ts';

const served = new URL('./native-plane-thread.ts', import.meta.url);
const timeout = 60_000;

interface Thread {
  readonly worker: Worker;
  readonly port: number;
  readonly told: EventQueue<unknown>;
  readonly exited: Promise<number>;
}

async function start(t: TestContext, endpoint: DialAddress): Promise<Thread> {
  const [tsx, script] = [import.meta.resolve('tsx/esm/api'), served.href].map((url) => JSON.stringify(url));
  const load = `import(${tsx}).then(({ register }) => { register(); return import(${script}); });`;
  const worker = new Worker(load, { eval: true, workerData: endpoint });
  t.after(() => worker.terminate());
  const told = new EventQueue('what the thread says');
  // What it said last and its exit may be told in one turn.
  const exited = new Promise<number>((resolve) => worker.on('exit', resolve));
  worker.on('message', (message) => told.push(message));
  worker.on('error', (error) => told.push(error));
  const port = await told.next();
  assert.ok(typeof port === 'number', String(port));
  return { worker, port, told, exited };
}

async function openUpstream(t: TestContext): Promise<UpstreamServer> {
  const upstream = await UpstreamServer.open();
  t.after(() => upstream.close());
  return upstream;
}

/** Both ends of a connection through the plane at that port. */
async function forward(t: TestContext, port: number, upstream: UpstreamServer): Promise<Peer[]> {
  const client = await Peer.connect(port);
  t.after(() => client.close());
  await client.send(hello);
  const peer = await upstream.next();
  assert.deepEqual(await peer.receive(hello.length), Buffer.from(hello));
  return [client, peer];
}

/** One of each kind that a plane can be in the middle of: forwarding, in bulk, and yet to send a hello. */
async function manyConnections(t: TestContext, port: number, upstream: UpstreamServer): Promise<Peer[]> {
  const silent = await Peer.connect(port);
  const [client, peer] = await forward(t, port, upstream);
  const [slow, fast] = await forward(t, port, upstream);
  assert.ok(client && peer && slow && fast);
  slow.stopReading();
  fast.send(payload(8_000_000)).catch(() => {});
  await client.send(payload(1000));
  await peer.receive(1000);
  return [silent, client, peer, fast];
}

describeNative('environments with a native plane', (_addon, makePlane) => {
  it('are several in one process, each with connections of its own', { timeout }, async (t) => {
    const upstream = await openUpstream(t);
    const rig = await Rig.open(makePlane);
    const threads = [await start(t, upstream.endpoint), await start(t, upstream.endpoint)];
    const here = await rig.forward();
    for (const { port } of threads) await forward(t, port, upstream);
    for (const { worker, told, exited } of threads) {
      worker.postMessage('close');
      assert.equal(await told.next(), 'ended');
      assert.equal(await exited, 0);
    }
    await here.client.send(payload(100));
    assert.deepEqual(await here.upstream.receive(100), payload(100));
    await rig.close();
  });

  it('serve side by side, two planes in one', { timeout }, async () => {
    const rigs = [await Rig.open(makePlane), await Rig.open(makePlane)] as const;
    const [first, second] = [await rigs[0].forward(), await rigs[1].forward()];
    await rigs[0].closePlane();
    assert.equal(await first.upstream.departure, 'reset');
    await second.client.send(payload(100));
    assert.deepEqual(await second.upstream.receive(100), payload(100));
    for (const rig of rigs) await rig.close();
  });

  for (const [way, end, code] of [
    ['is terminated', (worker: Worker) => void worker.terminate(), 1],
    ['exits', (worker: Worker) => worker.postMessage('exit'), 7],
    [
      'closes its plane and exits before that is done',
      (worker: Worker) => worker.postMessage('close and exit'),
      7,
    ],
  ] as const) {
    it(`reset what is live where its thread ${way}`, { timeout }, async (t) => {
      const upstream = await openUpstream(t);
      const { worker, port, exited } = await start(t, upstream.endpoint);
      const peers = await manyConnections(t, port, upstream);
      end(worker);
      for (const peer of peers) assert.equal(await peer.departure, 'reset');
      assert.equal(await exited, code);
      const late = await Peer.connect(port);
      assert.equal(late.socket.errored && Reflect.get(late.socket.errored, 'code'), 'ECONNREFUSED');
    });
  }

  it('may end at any moment under load', { timeout }, async (t) => {
    const upstream = await openUpstream(t);
    upstream.onConnection = (peer) => peer.socket.end('answer');
    for (let round = 0; round < 5; round++) {
      const { worker, port, told } = await start(t, upstream.endpoint);
      let isOver = false;
      const clients = Array.from({ length: 10 }, async () => {
        while (!isOver) {
          const client = await Peer.connect(port);
          client.socket.end(hello);
          await client.departure;
          client.close();
        }
      });
      for (let ended = 0; ended < 20 * round; ended++) await told.next();
      await worker.terminate();
      isOver = true;
      await Promise.all(clients);
    }
  });

  it('end with the process that exits with connections', { timeout }, async (t) => {
    const upstream = await openUpstream(t);
    const child = fork(fileURLToPath(served), [String(upstream.endpoint.port)]);
    t.after(() => child.kill('SIGKILL'));
    const [port]: unknown[] = await once(child, 'message');
    assert.ok(typeof port === 'number');
    const [client, peer] = await forward(t, port, upstream);
    child.send('exit');
    assert.deepEqual(await once(child, 'exit'), [7, null]);
    await Promise.all([client?.departure, peer?.departure]);
  });

  it('let the process end by itself once the plane is closed', { timeout }, async (t) => {
    const upstream = await openUpstream(t);
    const child = fork(fileURLToPath(served), [String(upstream.endpoint.port)]);
    t.after(() => child.kill('SIGKILL'));
    const [port]: unknown[] = await once(child, 'message');
    assert.ok(typeof port === 'number');
    await forward(t, port, upstream);
    child.send('close');
    assert.deepEqual(await once(child, 'exit'), [0, null]);
  });
});
