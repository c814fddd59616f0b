import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';

import { AdminServer } from '../../src/admin/admin-server.ts';
import { ask } from './admin-requests.ts';
import { FakeProxy, withAdmin } from './fake-proxy.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-admin-'));
after(() => rmSync(folder, { recursive: true }));

const at = (socketPath: string) => ({ address: { socketPath }, token: undefined });
const start = (admin: Parameters<typeof AdminServer.start>[0]) =>
  AdminServer.start(admin, { proxy: new FakeProxy(), version: '', drain: () => {} });

describe('an admin server on a unix socket', () => {
  test('answers its owner and group alone, and takes the socket along', async () => {
    const path = join(folder, 'admin.sock');
    await withAdmin(at(path), async (address, proxy) => {
      assert.equal(address, `unix:${path}`);
      assert.equal(statSync(path).mode & 0o777, 0o660);
      assert.equal((await ask(address, '/drain', { method: 'POST' })).status, 200);
      assert.equal((await ask(address, '/status', { headers: { host: 'evil.test' } })).status, 403);
      assert.equal(proxy.drains, 1);
    });
    assert.equal(existsSync(path), false);
  });

  test('leaves the umask as it was', async () => {
    const before = process.umask();
    await withAdmin(at(join(folder, 'umask.sock')), async () => assert.equal(process.umask(), before));
    assert.equal(process.umask(), before);
  });

  test('takes the place of a socket on which nobody answers', async () => {
    const path = join(folder, 'stale.sock');
    const listen = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => console.log('there'))`;
    const killed = spawn(process.execPath, ['-e', listen], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(killed.stdout, 'data');
    killed.kill('SIGKILL');
    await once(killed, 'exit');
    assert.ok(statSync(path).isSocket());
    await withAdmin(at(path), async (address) => {
      assert.equal((await ask(address, '/healthz')).status, 200);
    });
  });

  test('leaves a socket alone on which somebody answers', async () => {
    const path = join(folder, 'taken.sock');
    const other = createServer().listen(path);
    await once(other, 'listening');
    const started = await start(at(path));
    assert.ok(!started.ok);
    assert.match(
      started.problem,
      /^admin\.address: cannot listen on unix:.*taken\.sock: the address is already in use \(EADDRINUSE\); choose another/,
    );
    const client = connect(path);
    await once(client, 'connect');
    client.destroy();
    other.close();
  });

  test('leaves a file alone that is no socket', async () => {
    const path = join(folder, 'notes.txt');
    writeFileSync(path, 'keep');
    assert.equal((await start(at(path))).ok, false);
    assert.equal(statSync(path).size, 4);
  });

  test('needs the folder', async () => {
    const started = await start(at('/no/such/folder/admin.sock'));
    assert.ok(!started.ok);
    assert.match(
      started.problem,
      /^admin\.address: cannot listen on unix:\/no\/such\/folder\/admin\.sock: .*; choose another/,
    );
  });
});

test('an admin server names the address that is taken, and what helps', async () => {
  await withAdmin({ address: { host: '127.0.0.1', port: 0 }, token: undefined }, async (address) => {
    const started = await start({
      address: { host: '127.0.0.1', port: Number(address.split(':')[1]) },
      token: undefined,
    });
    assert.deepEqual(started, {
      ok: false,
      problem: `admin.address: cannot listen on ${address}: the address is already in use (EADDRINUSE); choose another address, or false for no admin server (without a file: --admin ADDRESS, or --admin off)`,
      isInUse: true,
    });
  });
});

test('an admin server answers health checks that name no host', async () => {
  await withAdmin({ address: { host: '127.0.0.1', port: 0 }, token: undefined }, async (address) => {
    const socket = connect(Number(address.split(':')[1]), '127.0.0.1');
    socket.end('GET /healthz HTTP/1.0\r\n\r\n');
    const [answer] = await once(socket.setEncoding('latin1'), 'data');
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
  });
});

test('an admin server that leaves gives its address up, and finishes what it is asked', async () => {
  const admin = { address: { host: '127.0.0.1', port: 0 }, token: undefined };
  await withAdmin(admin, async (address, proxy, server) => {
    const { status } = proxy;
    const asked = new Promise<void>((resolve) => {
      proxy.status = async () => {
        server.leave();
        resolve();
        return status.call(proxy);
      };
    });
    const answer = ask(address, '/status');
    await asked;
    const port = Number(address.split(':')[1]);
    const next = await start({ address: { host: '127.0.0.1', port }, token: undefined });
    assert.ok(next.ok);
    await next.server.close();
    assert.equal((await answer).status, 200);
  });
});

test('an admin server ends with requests under way', async () => {
  const proxy = new FakeProxy();
  const started = await AdminServer.start(
    { address: { host: '127.0.0.1', port: 0 }, token: undefined },
    { proxy, version: '', drain: () => {} },
  );
  assert.ok(started.ok);
  const asked = new Promise<void>((resolve) => {
    proxy.status = () => {
      resolve();
      return new Promise(() => {});
    };
  });
  const answer = ask(started.server.address, '/status');
  await asked;
  await Promise.all([started.server.close(), assert.rejects(answer)]);
});
