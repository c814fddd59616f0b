import { chmod, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { EchoBackend, EchoClient } from './echo.ts';
import { eventually, SluiceProcess } from './sluice-process.ts';

describe('the access log in a file', () => {
  let backend: EchoBackend;
  let folder: string;

  before(async () => {
    backend = await EchoBackend.start();
    folder = await mkdtemp(join(tmpdir(), 'sluice-access-log-'));
    // Whoever the workers become may reach the file, and make no other.
    await chmod(folder, 0o755);
  });
  after(async () => {
    backend.close();
    await rm(folder, { recursive: true });
  });

  for (const user of process.getuid?.() === 0 ? [undefined, 'nobody'] : [undefined]) {
    test(`is opened anew on SIGUSR1 (workers run as ${user ?? 'whoever started them'})`, async () => {
      const access = join(folder, `${user ?? 'same'}.log`);
      const sluice = await SluiceProcess.serve({
        workers: 2,
        listeners: [{ name: 'edge', address: '127.0.0.1:0' }],
        routes: [{ upstream: 'echo' }],
        upstreams: { echo: { endpoints: [backend.address] } },
        log: { access },
        ...(user !== undefined && { user }),
      });
      try {
        const lines = async (file: string) => (await readFile(file, 'utf8')).split('\n').length - 1;
        const serveSome = async () => {
          for (let turn = 0; turn < 8; turn++) await echoOnce(sluice.port);
        };
        await serveSome();
        await eventually('8 lines', async () => (await lines(access)) === 8);
        await rename(access, `${access}.1`);
        sluice.kill('SIGUSR1');
        await eventually('the file is there again', () => readFile(access).then(Boolean, () => false));
        // A worker may still be about to open it: what it ends until then is in the old file.
        await serveSome();
        await eventually('16 lines', async () => (await lines(access)) + (await lines(`${access}.1`)) === 16);
        await serveSome();
        await eventually('new lines', async () => (await lines(access)) > 0);
      } finally {
        await sluice.end();
      }
    });
  }
});

async function echoOnce(port: number): Promise<void> {
  const client = new EchoClient(port);
  await client.echo('hello');
  client.end();
  await client.ended;
}
