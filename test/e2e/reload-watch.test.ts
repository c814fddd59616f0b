import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { call } from './caller.ts';
import { NamedBackend } from './named-backend.ts';
import { ReloadableProxy } from './reloadable-proxy.ts';
import { eventually, planes, sluiceArguments } from './sluice-process.ts';

let red: NamedBackend;
let blue: NamedBackend;

before(async () => {
  red = await NamedBackend.start('red');
  blue = await NamedBackend.start('blue');
});
after(() => Promise.all([red.close(), blue.close()]));

const serves = (port: number, name: string) =>
  eventually(`${name} answers`, async () => (await call(port)) === name);

for (const plane of planes) {
  describe(`with watch: true and the ${plane} data plane`, () => {
    const config = (backend: NamedBackend, watch = true) => ({
      watch,
      workers: 1,
      dataPlane: plane,
      listeners: [{ name: 'edge', address: '127.0.0.1:0' }],
      routes: [{ upstream: 'shop' }],
      upstreams: { shop: { endpoints: [backend.address] } },
      log: { access: 'off' },
    });

    const withProxy = async (
      watch: boolean,
      use: (proxy: ReloadableProxy, port: number) => Promise<void>,
    ) => {
      const proxy = await ReloadableProxy.start(config(red, watch));
      try {
        await use(proxy, proxy.sluice.port);
      } finally {
        await proxy.end();
      }
    };

    test('a file that is written anew is taken over', () =>
      withProxy(true, async (proxy, port) => {
        await proxy.write(config(blue));
        await serves(port, 'blue');
        await proxy.write(config(red));
        await serves(port, 'red');
      }));

    test('a file that another is put in the place of is taken over, each time', () =>
      withProxy(true, async (proxy, port) => {
        for (const backend of [blue, red, blue]) {
          const written = join(proxy.folder, 'written');
          await writeFile(written, JSON.stringify(config(backend)));
          await rename(written, proxy.file);
          await serves(port, backend.name);
        }
      }));

    test('a folder swapped behind links, as a ConfigMap is, is taken over, each time', () =>
      withProxy(true, async (proxy, port) => {
        await unlink(proxy.file);
        await symlink('..data/sluice.json', proxy.file);
        for (const [turn, backend] of [blue, red, blue].entries()) {
          await mkdir(join(proxy.folder, `..${turn}`));
          await writeFile(join(proxy.folder, `..${turn}`, 'sluice.json'), JSON.stringify(config(backend)));
          await symlink(`..${turn}`, join(proxy.folder, '..data_tmp'));
          await rename(join(proxy.folder, '..data_tmp'), join(proxy.folder, '..data'));
          await serves(port, backend.name);
        }
      }));

    test('a bad file changes nothing, and the next good one is taken over', () =>
      withProxy(true, async (proxy, port) => {
        await writeFile(proxy.file, '{');
        await proxy.sluice.logged('not reloaded: the configuration stays');
        assert.equal(await call(port), 'red');
        await proxy.write(config(blue));
        await serves(port, 'blue');
      }));

    test('a reload turns watching on', () =>
      withProxy(false, async (proxy, port) => {
        assert.deepEqual(await proxy.reload(config(red)), ['watch changed']);
        await proxy.write(config(blue));
        await serves(port, 'blue');
      }));

    test('a file that is written while the proxy starts is taken over', async () => {
      const gate = join(await mkdtemp(join(tmpdir(), 'sluice-gate-')), 'open');
      const proxy = await ReloadableProxy.begin(config(red), [], behind(gate));
      try {
        // It has read the file by now, and its worker cannot be ready.
        await proxy.sluice.logged('admin server listens');
        await proxy.write(config(blue));
        await writeFile(gate, '');
        await proxy.sluice.logged('serving');
        await serves(proxy.sluice.port, 'blue');
      } finally {
        await proxy.end();
        await rm(dirname(gate), { recursive: true });
      }
    });
  });
}

/** As `sluiceArguments`, with workers that wait until there is such a file. */
function behind(gate: string): readonly string[] {
  const waits = `
    import cluster from 'node:cluster';
    import { existsSync } from 'node:fs';
    const nothing = new Int32Array(new SharedArrayBuffer(4));
    while (cluster.isWorker && !existsSync(${JSON.stringify(gate)})) Atomics.wait(nothing, 0, 0, 50);
  `;
  return ['--import', `data:text/javascript,${encodeURIComponent(waits)}`, ...sluiceArguments];
}
