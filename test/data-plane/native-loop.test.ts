import { strict as assert } from 'node:assert';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Peer } from '../conformance/peer.ts';
import { hello } from '../conformance/rig.ts';
import { UpstreamServer } from '../conformance/upstream-server.ts';
import { describeNative } from './native-fixture.ts';

const program = fileURLToPath(new URL('./native-loop-process.ts', import.meta.url));
const timeout = 60_000;
/** Of half a second; a loop that does not wait takes all of it. */
const mostIdleCpuMs = 250;

interface Task {
  readonly ports: number[];
  readonly exited: Promise<unknown[]>;
  readonly said: () => Promise<unknown>;
}

async function start(t: TestContext, ...words: string[]): Promise<Task> {
  const child = fork(program, words, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  t.after(() => child.kill('SIGKILL'));
  assert.ok(child.stdout);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const exited = once(child, 'exit');
  const [ports] = await once(child, 'message');
  const said = async () => JSON.parse((await lines.next()).value ?? 'null');
  return { ports, exited, said };
}

async function ask(t: TestContext, port: number | undefined): Promise<Peer> {
  assert.ok(port !== undefined);
  const client = await Peer.connect(port);
  t.after(() => client.close());
  await client.send(hello);
  return client;
}

function assertIdle(cpuMs: unknown): void {
  assert.ok(typeof cpuMs === 'number' && cpuMs < mostIdleCpuMs, `${cpuMs} ms of processor time`);
}

describeNative('a native plane in its event loop', () => {
  it('leaves the loop nothing to miss that a hook gave it to watch', { timeout }, async (t) => {
    const other = await UpstreamServer.open();
    t.after(() => other.close());
    other.onConnection = (peer) => peer.socket.end('from elsewhere');
    const { ports, said, exited } = await start(t, 'connects in a hook', String(other.endpoint.port));
    await ask(t, ports[0]);
    assert.equal(await said(), 'from elsewhere');
    assert.deepEqual(await exited, [0, null]);
  });

  it('lets all kinds of work have their turn that a hook began', { timeout }, async (t) => {
    const { ports, said, exited } = await start(t, 'has work of every kind from a hook');
    await ask(t, ports[0]);
    assert.deepEqual(await said(), ['tick', 'microtask', 'immediate', 'timer', 'thread pool']);
    assert.deepEqual(await exited, [0, null]);
  });

  for (const task of ['is idle', 'is held by its plane alone']) {
    it(`takes no processor time while it ${task}`, { timeout }, async (t) => {
      const { said, exited } = await start(t, task);
      assertIdle(await said());
      assert.deepEqual(await exited, [0, null]);
    });
  }

  for (const order of [
    [0, 1],
    [1, 0],
  ]) {
    it(`is served beside another, whoever comes first (${order})`, { timeout }, async (t) => {
      const { ports, said, exited } = await start(t, 'has two planes');
      for (const which of order) {
        await ask(t, ports[which]);
        assert.equal(await said(), ['first', 'second'][which]);
      }
      assert.deepEqual(await exited, [0, null]);
    });
  }

  it('waits as well beside another, and is served when that has gone', { timeout }, async (t) => {
    const { ports, said, exited } = await start(t, 'is idle with a second plane, then without the first');
    for (const _ of ['both', 'the second']) assertIdle(await said());
    await ask(t, ports[0]);
    assert.equal(await said(), 'served');
    assert.deepEqual(await exited, [0, null]);
  });
});
