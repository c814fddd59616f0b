import assert from 'node:assert/strict';
import cluster from 'node:cluster';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { WorkerProcess, type WorkerSetup } from '../../src/supervisor/worker-process.ts';
import { snapshotOf } from '../config/loading.ts';

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

test('a worker falls silent that was killed before it took a socket', { timeout: 60_000 }, async () => {
  cluster.setupPrimary({
    exec: fileURLToPath(new URL('./stopped-worker.mjs', import.meta.url)),
    serialization: 'advanced',
  });
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const told: string[] = [];
  await new Promise<void>((resolve) => {
    const tell = (what: string) => {
      told.push(what);
      if (told.length === 2) resolve();
    };
    const { pid = 0 } = new WorkerProcess(setup, {
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
    // Node waits for its word that it has it before it tells of a disconnection.
    Object.values(cluster.workers ?? {})[0]?.send('a socket', server);
    process.kill(pid, 'SIGKILL');
  });
  server.close();
  assert.deepEqual(told, ['SIGKILL', 'silent']);
});
