import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { type Finished, sluice as runSluice } from '../cli/sluice.ts';
import { EchoBackend, EchoClient } from '../e2e/echo.ts';
import { SluiceProcess } from '../e2e/sluice-process.ts';
import { adminAddress, ask, askJson } from './admin-requests.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-admin-'));
after(() => rmSync(folder, { recursive: true }));

describe('the admin address of a running proxy', () => {
  let backend: EchoBackend;
  before(async () => {
    backend = await EchoBackend.start();
  });
  after(() => backend.close());

  const config = (admin: object) => ({
    workers: 2,
    listeners: [{ name: 'edge', address: '127.0.0.1:0' }],
    routes: [{ name: 'echo', upstream: 'echo' }],
    upstreams: { echo: { endpoints: [backend.address] } },
    admin,
  });

  test('shows what is live, and drains as SIGTERM does', async () => {
    const proxy = await SluiceProcess.serve(config({ address: '127.0.0.1:0' }));
    const client = new EchoClient(proxy.port);
    try {
      const admin = adminAddress(proxy);
      await client.echo('hello');
      const { connections } = (await askJson(admin, '/connections')).json;
      const [live] = connections as Record<string, unknown>[];
      assert.match(String(live?.['id']), /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-/);
      assert.deepEqual(
        { ...live, id: '', client: '', ageMs: 0 },
        {
          id: '',
          listener: 'edge',
          client: '',
          serverName: null,
          route: 'echo',
          upstream: 'echo',
          endpoint: backend.address,
          bytesUp: 5,
          bytesDown: 5,
          ageMs: 0,
        },
      );

      const { json: status } = await askJson(admin, '/status');
      const workers = status['workers'] as { pid: number; connections: number }[];
      assert.deepEqual(workers.map(({ pid }) => pid).toSorted(), [...proxy.workerPids].toSorted());
      assert.equal(
        workers.reduce((sum, { connections: live }) => sum + live, 0),
        1,
      );
      const [upstream] = status['upstreams'] as { endpoints: object[] }[];
      assert.deepEqual(upstream?.endpoints, [
        {
          endpoint: backend.address,
          weight: 1,
          state: 'up',
          why: 'no probes: real connections decide',
          connections: 1,
          lastProbe: null,
          certificateExpiresAt: null,
        },
      ]);

      assert.equal((await ask(admin, '/readyz')).status, 200);
      for (let turn = 0; turn < 2; turn++) {
        assert.equal((await ask(admin, '/drain', { method: 'POST' })).status, 200);
      }
      assert.deepEqual((await askJson(admin, '/readyz')).json, { error: 'draining' });
      assert.equal((await ask(admin, '/healthz')).status, 200);
      assert.equal(await client.echo('still here'), 'still here');
      client.end();
      await client.ended;
      assert.deepEqual(await proxy.exited, { code: 0, signal: null });
      const lines = proxy.stdout.map((line) => JSON.parse(line));
      assert.deepEqual(
        lines.map(({ id }) => id),
        [live?.['id']],
      );
    } finally {
      client.destroy();
      await proxy.end();
    }
  });

  test('is what sluice status and drain talk to', async () => {
    const path = join(folder, 'admin.sock');
    const proxy = await SluiceProcess.serve(config({ address: `unix:${path}` }));
    try {
      const admin = ['--admin', `unix:${path}`];
      const { stdout } = await runSluice(['status', ...admin]);
      assert.match(stdout, /^Sluice \S+, serving, up /);
      assert.match(stdout, /^echo +127\.0\.0\.1:\d+ +1 +up +0 +no probes: real connections decide$/m);
      const asJson = await runSluice(['status', '--json', ...admin]);
      assert.equal(JSON.parse(asJson.stdout).state, 'serving');
      assert.deepEqual(await runSluice(['drain', ...admin]), { code: 0, stdout: 'draining\n', stderr: '' });
      assert.deepEqual(await proxy.exited, { code: 0, signal: null });
      for (const command of ['status', 'drain', 'reload']) {
        assertFailed(
          await runSluice([command, ...admin]),
          /^sluice: nobody answers at unix:.*admin\.sock: .*ENOENT.*; is the proxy running/,
        );
      }
    } finally {
      await proxy.end();
    }
  });

  test('is chosen by a flag, and whoever takes it twice is told', async () => {
    const flags = ['run', '--listen', '127.0.0.1:0', '--route', `*=${backend.address}`, '--workers', '1'];
    const proxy = SluiceProcess.start([...flags, '--admin', '127.0.0.1:0']);
    try {
      await proxy.logged('serving');
      const admin = adminAddress(proxy);
      assert.equal((await ask(admin, '/readyz')).status, 200);
      const stderr = `sluice: admin.address: cannot listen on ${admin}: the address is already in use (EADDRINUSE); `;
      const second = await runSluice([...flags, '--admin', admin]);
      assertFailed(second, new RegExp(`^${stderr.replace(/[.()]/g, '\\$&')}`));
    } finally {
      await proxy.end();
    }
    assertFailed(await runSluice([...flags, '--admin', 'nowhere']), /^--admin nowhere: .*has no port/, 2);
  });
});

function assertFailed({ code, stdout, stderr }: Finished, line: RegExp, expectedCode = 1): void {
  assert.match(stderr, line);
  assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
  assert.deepEqual([code, stdout], [expectedCode, '']);
}
