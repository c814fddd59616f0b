import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';

import { runCommand } from '../e2e/command.ts';
import { EchoBackend, EchoClient } from '../e2e/echo.ts';
import { SluiceProcess } from '../e2e/sluice-process.ts';

const noCompiler = { CC: '/nonexistent/cc', CXX: '/nonexistent/c++' };

/** What Node.js 20 itself asks of the C library. */
const oldestGlibc = 28;

/** Compiling on a busy machine takes its time. */
const timeout = 280_000;

async function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<void> {
  await promisify(execFile)(command, args, { timeout, env: { ...process.env, ...env } });
}

/** The package as npm makes it of `staged`, unpacked as npm would install it, with its dependencies beside it. */
async function installed(staged: string, into: string): Promise<string> {
  await run('npm', ['pack', staged, '--ignore-scripts', '--pack-destination', into]);
  const [tarball = ''] = (await readdir(into)).filter((name) => name.endsWith('.tgz'));
  await run('tar', ['-xzf', join(into, tarball), '-C', into]);
  await symlink(resolve('node_modules'), join(into, 'node_modules'));
  return join(into, 'package');
}

describe('the published package', { skip: process.platform !== 'linux' && 'the addon is for Linux' }, () => {
  let root: string;
  let staged: string;

  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'sluice-package-'));
    staged = join(root, 'staged');
    await mkdir(staged);
    const { files } = JSON.parse(await readFile('package.json', 'utf8'));
    const parts = ['package.json', ...files].filter((part) => part !== 'dist' && part !== 'prebuilds');
    for (const part of parts) await cp(part, join(staged, part), { recursive: true });
    await run('npx', ['tsc', '-p', 'tsconfig.build.json', '--outDir', join(staged, 'dist')]);
  });
  after(() => rm(root, { recursive: true }));

  test('without a prebuilt addon and a compiler says in one line that the portable plane is used', async () => {
    const folder = join(root, 'bare');
    await mkdir(folder);
    const home = await installed(staged, folder);
    const { code, stderr } = await runCommand('node', [join(home, 'scripts/build-addon.mjs')], {
      env: { ...noCompiler, SLUICE_REQUIRE_ADDON: undefined },
    });
    assert.match(stderr, /^sluice: no native addon \(.*\); the portable data plane will be used\n$/);
    assert.equal(code, 0);
  });

  describe('with a prebuilt addon', () => {
    let home: string;

    before(async () => {
      await run('node', ['scripts/prebuilt-addon.mjs', staged]);
      const folder = join(root, 'whole');
      await mkdir(folder);
      home = await installed(staged, folder);
    });

    test('asks no more of the C library than Node.js does', async () => {
      const names = await readdir(join(home, 'prebuilds'), { recursive: true });
      const [addon = ''] = names.filter((name) => name.endsWith('.node'));
      const bytes = await readFile(join(home, 'prebuilds', addon), 'latin1');
      const versions = [...bytes.matchAll(/GLIBC_2\.(\d+)/g)].map(([, minor]) => Number(minor));
      assert.ok(Math.max(0, ...versions) <= oldestGlibc, `GLIBC_2.${Math.max(...versions)}`);
    });

    test('needs no compiler: its install script builds nothing', async () => {
      await run('node', [join(home, 'scripts/build-addon.mjs')], {
        ...noCompiler,
        SLUICE_REQUIRE_ADDON: '1',
      });
      assert.equal(existsSync(join(home, 'build')), false);
    });

    test('forwards on the native data plane', async () => {
      const backend = await EchoBackend.start();
      const config = {
        workers: 1,
        dataPlane: 'native',
        listeners: [{ name: 'edge', address: '127.0.0.1:0' }],
        routes: [{ upstream: 'echo' }],
        upstreams: { echo: { endpoints: [backend.address] } },
        log: { access: 'off' },
      };
      const sluice = await SluiceProcess.serve(config, [join(home, 'dist/cli/main.js')]);
      try {
        assert.equal(sluice.serving.dataPlane, 'native');
        const client = new EchoClient(sluice.port);
        assert.equal(await client.echo('forwarded'), 'forwarded');
        client.destroy();
      } finally {
        await sluice.end();
        backend.close();
      }
    });

    test('brings the manual page and the documentation', async () => {
      const {
        man: [man],
      } = JSON.parse(await readFile(join(home, 'package.json'), 'utf8'));
      assert.ok(existsSync(join(home, man)));
      assert.ok(existsSync(join(home, 'docs/configuration.md')));
    });
  });
});
