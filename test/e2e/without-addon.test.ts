import assert from 'node:assert/strict';
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { runCommand } from './command.ts';
import { EchoBackend, EchoClient } from './echo.ts';
import { SluiceProcess } from './sluice-process.ts';

/** A copy of the sources beside which no addon was built, as where there is no compiler. */
describe('without the addon', () => {
  let root: string;
  let main: readonly string[];
  let backend: EchoBackend;

  before(async () => {
    const from = fileURLToPath(new URL('../..', import.meta.url));
    root = await mkdtemp(join(tmpdir(), 'sluice-without-addon-'));
    await cp(join(from, 'src'), join(root, 'src'), { recursive: true });
    await cp(join(from, 'package.json'), join(root, 'package.json'));
    await symlink(join(from, 'node_modules'), join(root, 'node_modules'));
    const tsx = import.meta.resolve('tsx');
    main = ['--import', tsx, join(root, 'src/cli/main.ts')];
    backend = await EchoBackend.start();
  });
  after(async () => {
    backend.close();
    await rm(root, { recursive: true });
  });

  const config = (dataPlane: string) => ({
    workers: 2,
    dataPlane,
    admin: { address: false },
    listeners: [{ name: 'edge', address: '127.0.0.1:0' }],
    routes: [{ upstream: 'echo' }],
    upstreams: { echo: { endpoints: [backend.address] } },
    log: { access: 'off' },
  });

  test('auto is the portable data plane, and says why', async () => {
    const sluice = await SluiceProcess.serve(config('auto'), main);
    try {
      assert.equal(sluice.serving.dataPlane, 'portable');
      const fallback = sluice.log.find(({ msg }) => msg === 'portable data plane');
      assert.equal(fallback?.level, 'warn');
      assert.match(fallback?.reason ?? '', process.platform === 'linux' ? /was not built/ : /is for Linux/);
    } finally {
      await sluice.end();
    }
  });

  test('native is refused', async () => {
    const input = JSON.stringify(config('native'));
    const { code, stderr } = await runCommand(process.execPath, [...main, 'run', '-c', '-'], { input });
    assert.match(
      stderr,
      /^sluice: dataPlane: native is not to be had: .*; build it .*, or choose auto or portable\n$/,
    );
    assert.equal(code, 1);
  });

  test('what waits on the one shared socket outlives the workers', async () => {
    const sluice = await SluiceProcess.serve(config('portable'), main);
    try {
      const victims = sluice.workerPids;
      for (const pid of victims) process.kill(pid, 'SIGSTOP');
      const client = new EchoClient(sluice.port);
      const echoed = client.echo('waited');
      for (const pid of victims) process.kill(pid, 'SIGKILL');
      assert.equal(await echoed, 'waited');
      client.destroy();
    } finally {
      await sluice.end();
    }
  });
});
