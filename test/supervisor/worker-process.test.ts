import assert from 'node:assert/strict';
import cluster from 'node:cluster';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { WorkerProcess, type WorkerSetup } from '../../src/supervisor/worker-process.ts';
import { snapshotOf } from '../config/loading.ts';
import { eventually } from '../e2e/sluice-process.ts';

const snapshot = snapshotOf('listeners: [{name: edge, address: "127.0.0.1:0"}]\nroutes: []');
const setup: WorkerSetup = {
  snapshot,
  configure: {
    kind: 'configure',
    snapshot,
    plane: 'portable',
    workerIndex: 0,
    workerCount: 1,
    limitRow: undefined,
    limitColumns: new Map(),
    credentials: undefined,
    ownListeners: [],
  },
  limits: undefined,
  upstreams: () => [],
  sockets: [],
};

/** One that takes nothing any more; `tell` gets what the supervisor hears of it. */
async function stoppedWorker(
  tell: (what: string) => void,
  args: readonly string[] = [],
): Promise<WorkerProcess> {
  cluster.setupPrimary({
    exec: fileURLToPath(new URL('./stopped-worker.mjs', import.meta.url)),
    args: [...args],
    serialization: 'advanced',
  });
  const worker = new WorkerProcess(setup, {
    ready: () => tell('ready'),
    failed: () => tell('failed'),
    leaving: () => tell('leaving'),
    ejection: () => tell('ejection'),
    reported: () => tell('reported'),
    starved: () => tell('starved'),
    stuck: () => tell('stuck'),
    exited: ({ how }) => tell(how),
    silent: () => tell('silent'),
  });
  await eventually('the worker has stopped', () => stateOf(worker.pid) === 'T');
  return worker;
}

async function sendSocket(t: TestContext, worker: WorkerProcess): Promise<void> {
  const server = createServer().listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  Object.values(cluster.workers ?? {})
    .find((each) => each?.process.pid === worker.pid)
    ?.send('a socket', server);
}

/** As in proc_pid_stat(5). */
function stateOf(pid: number | undefined): string | undefined {
  return /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1];
}

const onLinux = { skip: process.platform === 'linux' ? false : 'looks into /proc', timeout: 50_000 };

// Node waits for the word that the socket has arrived: until then it sends nothing more, and tells of no disconnection.
describe('a worker that is killed before it took a socket', onLinux, () => {
  test('falls silent', async (t) => {
    const told: string[] = [];
    let settle = () => {};
    const hasToldAll = new Promise<void>((resolve) => {
      settle = resolve;
    });
    const worker = await stoppedWorker((what) => {
      if (told.push(what) === 2) settle();
    });
    await sendSocket(t, worker);
    process.kill(worker.pid ?? 0, 'SIGKILL');
    await hasToldAll;
    assert.deepEqual(told, ['SIGKILL', 'silent']);
  });

  test('has nothing against the configuration that it was about to get', async (t) => {
    const worker = await stoppedWorker(() => {}, ['ready']);
    await sendSocket(t, worker);
    const prepared = worker.prepare(setup);
    setImmediate(() => process.kill(worker.pid ?? 0, 'SIGKILL'));
    assert.equal(await prepared, undefined);
  });
});

describe('a worker whose end has not been told yet', onLinux, () => {
  test('has nothing against a configuration', async () => {
    const worker = await stoppedWorker(() => {}, ['ready']);
    await eventually('it has been heard to be ready', () => worker.isReady);
    process.kill(worker.pid ?? 0, 'SIGKILL');
    while (stateOf(worker.pid) !== 'Z' || readdirSync(`/proc/${worker.pid}/task`).length > 1);
    assert.equal(await worker.prepare(setup), undefined);
  });
});
