import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { runCommand } from './command.ts';
import { EchoBackend, EchoClient } from './echo.ts';
import { ProgramCopy } from './program-copy.ts';
import { SluiceProcess } from './sluice-process.ts';

describe('without the addon', () => {
  let copy: ProgramCopy;
  let main: readonly string[];
  let backend: EchoBackend;

  before(async () => {
    copy = await ProgramCopy.make({ addon: false });
    main = copy.main;
    backend = await EchoBackend.start();
  });
  after(async () => {
    backend.close();
    await copy.remove();
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

  test('limits are divided, and the log says so where there are any', async () => {
    const limited = { ...config('auto'), limits: { maxConnectionsPerSource: 9 } };
    const sluice = await SluiceProcess.serve(limited, main);
    try {
      const line = sluice.log.find(({ msg }) => msg.startsWith('limits are divided among the workers'));
      assert.equal(line?.level, 'warn');
      const client = new EchoClient(sluice.port);
      assert.equal(await client.echo('served'), 'served');
      client.destroy();
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
