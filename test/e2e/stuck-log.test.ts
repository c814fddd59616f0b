import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { call, inParallel, tally } from './caller.ts';
import { NamedBackend } from './named-backend.ts';
import { eventually, isRunning, SluiceProcess, sluiceArguments } from './sluice-process.ts';

/** More lines than a pipe holds. */
const connections = 400;

describe('an access log that goes into a pipe that nobody reads', {
  skip: process.platform === 'win32',
}, () => {
  let backend: NamedBackend;
  let folder: string;

  before(async () => {
    backend = await NamedBackend.start('shop');
    folder = await mkdtemp(join(tmpdir(), 'sluice-stuck-log-'));
    execFileSync('mkfifo', [join(folder, 'pipe')]);
  });
  after(async () => {
    await backend.close();
    await rm(folder, { recursive: true });
  });

  /** Runs `use` on a proxy whose log has stopped. */
  const withStuckLog = async (use: (sluice: SluiceProcess) => Promise<void>) => {
    const config = {
      workers: 1,
      listeners: [{ name: 'edge', address: '127.0.0.1:0' }],
      routes: [{ upstream: 'shop' }],
      upstreams: { shop: { endpoints: [backend.address] } },
    };
    // Open for reading too, by itself: so it is not closed either.
    const intoPipe = ['sh', '-c', `exec "$@" 1<>${folder}/pipe`, 'sh'];
    const sluice = await SluiceProcess.serve(config, sluiceArguments, intoPipe);
    try {
      const answers = await inParallel(connections, 16, () => call(sluice.port));
      assert.deepEqual(tally(answers), { shop: connections });
      await use(sluice);
    } finally {
      await sluice.end();
    }
  };

  test('holds up neither connections nor the end', () =>
    withStuckLog(async (sluice) => {
      sluice.kill('SIGTERM');
      assert.deepEqual(await sluice.exited, { code: 0, signal: null });
      assert.ok(!sluice.workerPids.some(isRunning));
    }));

  test('leaves no worker behind when the supervisor is killed', () =>
    withStuckLog(async (sluice) => {
      const { workerPids } = sluice;
      sluice.kill('SIGKILL');
      await eventually('the workers are gone', () => !workerPids.some(isRunning));
    }));
});
