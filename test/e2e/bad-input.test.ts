import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';

import { eventually, sluiceArguments } from './sluice-process.ts';

const good = {
  admin: { address: false },
  workers: 1,
  listeners: [{ name: 'edge', address: '127.0.0.1:0' }],
  routes: [{ serverNames: ['shop.test'], upstream: 'shop' }],
  upstreams: { shop: { endpoints: ['127.0.0.1:1'] } },
};

/** Runs a program in a process group of its own, until nothing of the group is left. */
async function run(command: string, args: readonly string[], input = '') {
  const child = spawn(command, args, { detached: true, timeout: 30_000, killSignal: 'SIGKILL' });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const closed = once(child, 'close');
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = await closed;
  const { pid } = child;
  // tsx has a compiler process of its own, which ends a moment after.
  await eventually('nothing is left running', () => pid === undefined || !groupExists(pid));
  return { code, stdout, stderr };
}

function groupExists(leader: number): boolean {
  try {
    return process.kill(-leader, 0);
  } catch {
    return false;
  }
}

/** The line is said, and nothing else, and the exit code is 1. */
function assertRefused(result: Awaited<ReturnType<typeof run>>, line: RegExp): void {
  assert.match(result.stderr, line);
  assert.equal(result.stderr.trimEnd().split('\n').length, 1, result.stderr);
  assert.equal(result.code, 1);
  assert.equal(result.stdout, '');
}

describe('sluice run refuses, in one line and with exit code 1', () => {
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-bad-input-'));
  });
  after(() => rm(folder, { recursive: true }));

  const runFile = async (config: object) => {
    const file = join(folder, 'sluice.json');
    await writeFile(file, JSON.stringify(config, undefined, 2));
    return run(process.execPath, [...sluiceArguments, 'run', '-c', file]);
  };

  const table: readonly [what: string, config: object, line: RegExp][] = [
    ['a mistyped key', { ...good, wrokers: 1 }, /sluice\.json:\d+:\d+: wrokers: .*workers/],
    [
      'a port out of range',
      { ...good, listeners: [{ name: 'edge', address: ':65536' }] },
      /sluice\.json:\d+:\d+: listeners\[0\]\.address: .*65535/,
    ],
    [
      'an undefined upstream',
      { ...good, routes: [{ serverNames: ['shop.test'], upstream: 'shpo' }] },
      /sluice\.json:\d+:\d+: routes\[0\]\.upstream: .*shpo.*shop/,
    ],
    [
      'routes that no connection can tell apart',
      { ...good, routes: [...good.routes, { name: 'again', serverNames: ['SHOP.test'], upstream: 'shop' }] },
      /sluice\.json:\d+:\d+: .*shop\.test.*again|sluice\.json:\d+:\d+: .*again.*shop\.test/,
    ],
    [
      'an unknown user',
      { ...good, user: 'no-such-user' },
      /^sluice: user: cannot run workers as "no-such-user": there is no such user; name one/,
    ],
    [
      'an address of another machine',
      { ...good, listeners: [{ name: 'edge', address: '192.0.2.1:8443' }] },
      /^sluice: listener edge: cannot listen on 192\.0\.2\.1:8443: .* \(EADDRNOTAVAIL\)$/m,
    ],
    [
      'an access log that cannot be written',
      { ...good, log: { access: '/no/such/folder/access.log' } },
      /^sluice: log\.access: cannot write to \/no\/such\/folder\/access\.log: .*ENOENT/,
    ],
  ];
  for (const [what, config, line] of table) {
    test(what, async () => assertRefused(await runFile(config), line));
  }

  test('a file that is not there', async () => {
    const file = join(folder, 'missing.yaml');
    const result = await run(process.execPath, [...sluiceArguments, 'run', '-c', file]);
    assertRefused(result, /missing\.yaml: cannot be read: .*ENOENT/);
  });

  for (const dataPlane of ['auto', 'portable']) {
    test(`an address in use (dataPlane: ${dataPlane})`, async () => {
      const server = createServer();
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      try {
        const listeners = [
          { name: 'free', address: '127.0.0.1:0' },
          { name: 'taken', address: `127.0.0.1:${port}` },
        ];
        const line = new RegExp(
          `^sluice: listener taken: cannot listen on 127\\.0\\.0\\.1:${port}: .*already in use.*${port}.*\\(EADDRINUSE\\)`,
        );
        assertRefused(await runFile({ ...good, workers: 2, dataPlane, listeners }), line);
      } finally {
        server.close();
      }
    });
  }

  test('a privileged port without the right', { skip: whyNoPrivilegedPorts() }, async () => {
    const config = JSON.stringify({ ...good, listeners: [{ name: 'edge', address: '127.0.0.1:1' }] });
    const result = await runWithout('net_bind_service', ['run', '-c', '-'], config);
    const line =
      /^sluice: listener edge: cannot listen on 127\.0\.0\.1:1: .*CAP_NET_BIND_SERVICE.*setcap.*higher port/;
    assertRefused(result, line);
  });

  test('a user that it has no right to change to', { skip: notRoot() }, async () => {
    const config = JSON.stringify({ ...good, user: 'nobody' });
    const result = await runWithout('setuid', ['run', '-c', '-'], config);
    assertRefused(result, /^sluice: a worker cannot serve: .*EPERM/);
  });
});

/** Root without one of root's rights, or whoever we are, who has none. */
function runWithout(capability: string, args: readonly string[], input: string) {
  if (notRoot() !== false) return run(process.execPath, [...sluiceArguments, ...args], input);
  const without = ['--bounding-set', `-${capability}`, '--inh-caps', `-${capability}`];
  return run('setpriv', [...without, process.execPath, ...sluiceArguments, ...args], input);
}

function notRoot(): string | false {
  return process.getuid?.() === 0 ? false : 'only root can change to another user';
}

function whyNoPrivilegedPorts(): string | false {
  return process.platform === 'linux' ? false : 'only Linux is known to keep port 1 from everybody';
}
