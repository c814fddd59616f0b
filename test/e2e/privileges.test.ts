import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { EchoBackend, EchoClient } from './echo.ts';
import { planes, SluiceProcess } from './sluice-process.ts';

const isRoot = process.getuid?.() === 0;

/** The user `nobody`, of a Linux system. */
const uid = 65_534;

function statusOf(pid: number, field: string): string {
  const [, value = ''] =
    new RegExp(`^${field}:\\s*(.*)$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return value;
}

/** What becomes of a connection to a unix socket that `nobody` makes. */
function connectAsNobody(path: string): string {
  const script = `require('node:net').connect(${JSON.stringify(path)})
    .on('error', ({ code }) => { console.log(code); process.exit() })
    .on('connect', () => { console.log('connected'); process.exit() });`;
  const { stdout } = spawnSync(process.execPath, ['-e', script], {
    uid,
    gid: uid,
    cwd: '/',
    encoding: 'utf8',
  });
  return stdout.trim();
}

const skip =
  !(isRoot && process.platform === 'linux') && 'only root on Linux can start workers as another user';

for (const plane of planes) {
  describe(`workers of another user, ${plane} data plane`, { skip }, () => {
    let folder: string;
    let backend: EchoBackend;
    let sluice: SluiceProcess;
    let adminSocket: string;

    before(async () => {
      folder = mkdtempSync(join(tmpdir(), 'sluice-privileges-'));
      // Nothing but its own mode is to keep others from the socket.
      chmodSync(folder, 0o755);
      adminSocket = join(folder, 'admin.sock');
      backend = await EchoBackend.start();
      sluice = await SluiceProcess.serve({
        workers: 2,
        dataPlane: plane,
        user: 'nobody',
        admin: { address: `unix:${adminSocket}` },
        listeners: [{ name: 'edge', address: '127.0.0.1:0' }],
        routes: [{ upstream: 'echo' }],
        upstreams: { echo: { endpoints: [backend.address] } },
        log: { access: 'off' },
      });
    });
    after(async () => {
      await sluice.end();
      backend.close();
      rmSync(folder, { recursive: true });
    });

    test('serve', async () => {
      const client = new EchoClient(sluice.port);
      assert.equal(await client.echo('served'), 'served');
      client.destroy();
    });

    test('have neither root nor a capability, and no way back', () => {
      for (const pid of sluice.workerPids) {
        assert.equal(statusOf(pid, 'Uid'), Array(4).fill(uid).join('\t'));
        assert.equal(statusOf(pid, 'Gid'), Array(4).fill(uid).join('\t'));
        for (const set of ['CapEff', 'CapPrm']) assert.equal(Number(`0x${statusOf(pid, set)}`), 0, set);
      }
    });

    test('cannot open the admin socket', () => {
      assert.equal(connectAsNobody(adminSocket), 'EACCES');
    });

    test('hold no descriptor of it', () => {
      const line = readFileSync('/proc/net/unix', 'utf8')
        .split('\n')
        .find((each) => each.endsWith(adminSocket));
      const inode = line?.trim().split(/\s+/)[6];
      assert.ok(inode, 'the socket is there');
      for (const pid of sluice.workerPids) {
        const open = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
        assert.ok(!open.includes(`socket:[${inode}]`));
      }
    });
  });
}
