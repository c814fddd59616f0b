import { strict as assert } from 'node:assert';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { FewDescriptorsState } from '../conformance/few-descriptors-plane.ts';
import { payload } from '../conformance/payload.ts';
import { Peer } from '../conformance/peer.ts';
import { hello } from '../conformance/rig.ts';
import { UpstreamServer } from '../conformance/upstream-server.ts';
import { eventually, planes } from '../e2e/sluice-process.ts';
import { processFacts } from '../process-facts.ts';
import { type FailingCall, FailingCalls, type FailureCode } from './failing-calls.ts';

const script = fileURLToPath(new URL('../conformance/few-descriptors-plane.ts', import.meta.url));
const internalError = Buffer.from([0x15, 3, 3, 0, 2, 2, 80]);
const shortages = ['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'] as const;
const timeout = 60_000;
const watchedMs = 500;

/** A plane in a process whose system calls can be made to fail, and its upstream, which is not in it. */
class Stage {
  readonly calls = new FailingCalls();
  readonly upstream: UpstreamServer;
  readonly #plane: ChildProcess;
  #port = 0;

  private constructor(kind: string, upstream: UpstreamServer) {
    this.upstream = upstream;
    const node = ['--import', 'tsx', script, kind, String(upstream.endpoint.port)];
    this.#plane = spawn(process.execPath, node, {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, ...this.calls.environment },
    });
  }

  static async open(kind: string): Promise<Stage> {
    const stage = new Stage(kind, await UpstreamServer.open());
    const [state]: FewDescriptorsState[] = await once(stage.#plane, 'message');
    stage.#port = state?.port ?? 0;
    return stage;
  }

  connect(): Promise<Peer> {
    return Peer.connect(this.#port);
  }

  async state(): Promise<FewDescriptorsState> {
    const answer = once(this.#plane, 'message');
    this.#plane.send('state');
    const [state]: FewDescriptorsState[] = await answer;
    assert.ok(state);
    return state;
  }

  get sockets(): number {
    return processFacts(this.#plane.pid ?? 0).sockets;
  }

  /** Has both ends meet, by a client that has connected already or a new one. */
  async serve(client?: Peer): Promise<readonly [client: Peer, upstream: Peer]> {
    const served = client ?? (await this.connect());
    await served.send(hello);
    const upstream = await this.upstream.next();
    assert.deepEqual(await upstream.receive(hello.length), Buffer.from(hello));
    return [served, upstream];
  }

  /** Nothing is left of what was served or refused, and the next is served. */
  async isAsBefore(sockets: number): Promise<void> {
    await eventually('nothing is left', async () => {
      return (await this.state()).connectionCount === 0 && this.sockets <= sockets;
    });
    const ends = await this.serve();
    for (const end of ends) end.close();
  }

  async close(): Promise<void> {
    this.calls.close();
    const exited = once(this.#plane, 'exit');
    this.#plane.disconnect();
    await exited;
    await this.upstream.close();
  }
}

function fact(name: string, plane: string, run: (stage: Stage) => Promise<void>): void {
  test(name, { timeout }, async () => {
    const stage = await Stage.open(plane);
    try {
      await run(stage);
    } finally {
      await stage.close();
    }
  });
}

/** The client is told, and so is the policy; the calls are made once. */
async function refuses(stage: Stage, call: FailingCall, code: FailureCode): Promise<void> {
  const { sockets } = stage;
  stage.calls.fail(call, code);
  const client = await stage.connect();
  await client.send(hello);
  assert.deepEqual(await client.receiveAll(), internalError);
  client.close();
  const { dialFailures } = await stage.state();
  assert.deepEqual(dialFailures, [code]);
  assert.equal(stage.calls.failures, 1);
  stage.calls.mend();
  await stage.isAsBefore(sockets);
}

for (const plane of planes) {
  describe(`the ${plane} data plane, where the kernel refuses`, () => {
    for (const code of shortages) {
      fact(`a socket with ${code}: fails the dial and goes on`, plane, (stage) =>
        refuses(stage, 'socket', code),
      );
      fact(`to accept with ${code} a few times: goes on by itself`, plane, async (stage) => {
        const { sockets } = stage;
        stage.calls.fail('accept4', code, 3);
        const client = await stage.connect();
        await eventually('accepting has failed', () => stage.calls.failures === 3);
        client.close();
        await stage.isAsBefore(sockets);
      });
    }
    for (const code of shortages) {
      fact(`to accept with ${code}: serves who is there, and goes on`, plane, async (stage) => {
        const { sockets } = stage;
        const [there, upstream] = await stage.serve();
        stage.calls.fail('accept4', code);
        const waiting = await stage.connect();
        await eventually('accepting has failed', () => stage.calls.failures > 0);
        await there.send(payload(1000));
        assert.deepEqual(await upstream.receive(1000), payload(1000));
        stage.calls.mend();
        // libuv may turn away who waits.
        if (plane === 'native') await stage.serve(waiting);
        for (const end of [there, upstream, waiting]) end.close();
        await stage.isAsBefore(sockets);
      });
    }
    fact('a local port with EADDRNOTAVAIL: fails the dial and goes on', plane, (stage) =>
      refuses(stage, 'connect', 'EADDRNOTAVAIL'),
    );
  });
}

describe('the native data plane, where the kernel goes on refusing', () => {
  if (!planes.some((plane) => plane === 'native')) return;

  for (const code of shortages) {
    fact(`to accept with ${code}: does not spin`, 'native', async (stage) => {
      stage.calls.fail('accept4', code);
      const client = await stage.connect();
      await eventually('accepting has failed', () => stage.calls.failures > 0);
      const before = await stage.state();
      const failuresBefore = stage.calls.failures;
      await sleep(watchedMs);
      const { processorMs } = await stage.state();
      assert.ok(stage.calls.failures - failuresBefore <= 30, `${stage.calls.failures} failures`);
      assert.ok(processorMs - before.processorMs < watchedMs / 2, 'the process spins');
      client.close();
    });
  }

  for (const code of ['ENOMEM', 'ENOSPC'] as const) {
    fact(`to watch a client with ${code}: lets it go, and serves the next`, 'native', async (stage) => {
      const { sockets } = stage;
      stage.calls.fail('epoll_ctl', code);
      const client = await stage.connect();
      client.startReading();
      await client.departure;
      assert.equal(stage.calls.failures, 1);
      client.close();
      stage.calls.mend();
      await stage.isAsBefore(sockets);
    });
  }

  for (const code of ['EMFILE', 'ENFILE', 'ENOMEM'] as const) {
    fact(`a pipe with ${code}: copies, and all arrives`, 'native', async (stage) => {
      const { sockets } = stage;
      const [client, upstream] = await stage.serve();
      stage.calls.fail('pipe2', code);
      const bytes = payload(8_000_000);
      const [received] = await Promise.all([upstream.receive(bytes.length), client.send(bytes)]);
      assert.ok(received.equals(bytes));
      assert.ok(stage.calls.failures > 0);
      for (const end of [client, upstream]) end.close();
      stage.calls.mend();
      await stage.isAsBefore(sockets);
    });
  }
});
