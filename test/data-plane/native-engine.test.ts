import { strict as assert } from 'node:assert';
import { closeSync, openSync } from 'node:fs';
import { it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Addon } from '../../src/data-plane/load-plane.ts';
import type { NativeEngineOptions } from '../../src/data-plane/native-addon.ts';
import { callAreaSize, figureCount } from '../../src/data-plane/native-call-area.ts';
import { bindLoopback } from '../conformance/bound-socket.ts';
import { openDescriptors } from '../conformance/open-descriptors.ts';
import { payload } from '../conformance/payload.ts';
import { Peer } from '../conformance/peer.ts';
import { fact, hello } from '../conformance/rig.ts';
import { turns, until } from '../conformance/wait.ts';
import { describeNative } from './native-fixture.ts';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

const scratch = new Uint8Array(64 * 1024);
const options: NativeEngineOptions = {
  scratch,
  calls: new Int32Array(callAreaSize),
  figures: new Float64Array(figureCount),
  header: new Uint8Array(100),
  accepted: () => {},
  hello: () => {},
  dialFailed: () => {},
  ended: () => {},
};

function close(engine: InstanceType<Addon['Engine']>): Promise<void> {
  return new Promise((resolve) => engine.close(5, resolve));
}

describeNative('the native engine', ({ Engine }, makePlane) => {
  const isRefused = (wrong: unknown, error: object) =>
    assert.throws(() => Reflect.construct(Engine, [wrong]), error);

  it('refuses what it cannot work with, and leaves nothing behind', () => {
    const before = openDescriptors();
    for (const wrong of [undefined, null, 1, 'options', {}, []]) isRefused(wrong, TypeError);
    for (const key of Object.keys(options)) {
      for (const wrong of [undefined, 1, {}, [], new Uint8Array(1), new Float32Array(4096)]) {
        if (key === 'header' && wrong instanceof Uint8Array) continue;
        isRefused({ ...options, [key]: wrong }, TypeError);
      }
    }
    assert.equal(openDescriptors(), before);
  });

  it('passes on what a getter of its options throws', () => {
    for (const key of Object.keys(options)) {
      const wrong = Object.defineProperty({ ...options }, key, {
        get: () => {
          throw new RangeError(`no ${key}`);
        },
      });
      isRefused(wrong, { name: 'RangeError', message: `no ${key}` });
    }
  });

  it('leaves nothing behind once it is closed', async () => {
    const engines: InstanceType<Addon['Engine']>[] = [];
    const before = openDescriptors();
    for (let count = 0; count < 20; count++) engines.push(new Engine(options));
    await Promise.all(engines.map(close));
    assert.equal(openDescriptors(), before);
  });

  it('ignores what it does not know', async () => {
    const engine = new Engine(options);
    engine.answer(0, 1);
    engine.answer(2 ** 32 - 1, 2 ** 32 - 1);
    engine.abort(12345, 0, 3);
    engine.stopListening(-1);
    assert.equal(engine.view(0, 0), false);
    assert.equal(engine.progress(0, 1), false);
    assert.equal(engine.destination(0, 1), false);
    assert.equal(engine.live().length, 0);
    assert.throws(() => engine.listen(-1, 0, 1, 1, false), { code: 'EBADF' });
    const notASocket = openSync('/dev/null', 'r');
    assert.throws(() => engine.listen(notASocket, 0, 1, 1, false), { code: 'ENOTSOCK' });
    closeSync(notASocket);
    await close(engine);
    assert.equal(engine.liveCount(), 0);
    assert.deepEqual(engine.stats(), { splicedBytes: 0, acceptFailures: 0 });
  });

  it('is collected once it is closed, and not before', async () => {
    const gone = new Set<string>();
    const registry = new FinalizationRegistry((name: string) => gone.add(name));
    const { handle, port } = bindLoopback();
    let ended = 0;
    const makeAndClose = async () => {
      const closed = new Engine(options);
      registry.register(closed, 'closed');
      await close(closed);
      const open = new Engine({ ...options, ended: () => ended++ });
      registry.register(open, 'open');
      open.listen(handle.fd, 0, 5000, 65_536, false);
      return new WeakRef(open);
    };
    const left = await makeAndClose();
    await until(() => {
      collectGarbage();
      return gone.has('closed');
    }, 'it is collected');
    await turns(20);
    const client = await Peer.connect(port);
    client.reset();
    await until(() => ended === 1, 'the other still works');
    assert.deepEqual([...gone], ['closed']);
    handle.close();
    const open = left.deref();
    assert.ok(open);
    await close(open);
  });

  fact(makePlane, 'keeps what it needs through garbage collections', async (rig) => {
    const forwarded = [];
    for (let count = 0; count < 20; count++) {
      forwarded.push(await rig.forward());
      collectGarbage();
    }
    rig.policy.onHello = () => {
      collectGarbage();
      return { kind: 'pending' };
    };
    rig.policy.onEnded = collectGarbage;
    const pending = await rig.connect();
    await pending.send(hello);
    const { connection } = await rig.policy.hellos.next();
    for (const { client, upstream } of forwarded) {
      await client.send(payload(10_000));
      collectGarbage();
      assert.deepEqual(await upstream.receive(10_000), payload(10_000));
    }
    collectGarbage();
    rig.plane.abort(connection, 'drained');
    const ending = await rig.expectEnding({ outcome: 'drained' });
    assert.equal(ending.connection, connection);
    await rig.closePlane();
    assert.equal(rig.policy.endings.count, 21);
  });
});
