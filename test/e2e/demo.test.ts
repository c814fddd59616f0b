import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { runCommand } from './command.ts';
import { SluiceProcess } from './sluice-process.ts';

describe('sluice demo', () => {
  let demo: SluiceProcess;
  let curlLines: string[];

  before(async () => {
    demo = SluiceProcess.start(['demo', '--port', '0']);
    await demo.printed(/Ctrl-C/);
    curlLines = demo.stdout.filter((line) => line.startsWith('  curl '));
  });
  after(() => demo.end());

  test('prints curl lines of which each does what it says', async () => {
    const outputs: string[] = [];
    for (const line of curlLines) {
      const { stdout, stderr } = await runCommand('bash', ['-c', `${line} --silent --show-error`]);
      outputs.push(stdout || stderr);
    }
    const expected = [
      /Hello from shop\.test.*HTTP\/2\.0, TLSv1\.3/,
      /Hello from api\.test.*HTTP\/2\.0, TLSv1\.3/,
      /Hello from shop\.test.*HTTP\/1\.1, TLSv1\.3/,
      /Hello from shop\.test.*HTTP\/2\.0, TLSv1\.2/,
      /unrecognized name/,
    ];
    assert.equal(outputs.length, expected.length);
    for (const [i, pattern] of expected.entries()) assert.match(outputs[i] ?? '', pattern);
  });

  test('shows the access log', async () => {
    await demo.printed(/"serverName":"api.test".*"outcome":"ok"/);
    await demo.printed(/"serverName":"unknown.test".*"outcome":"no_route"/);
  });

  test('ends on Ctrl-C and takes its folder along', async () => {
    const [, caFile = ''] = /--cacert (\S+)/.exec(curlLines[0] ?? '') ?? [];
    assert.equal(statSync(dirname(caFile)).mode & 0o077, 0);
    demo.kill('SIGINT');
    assert.deepEqual(await demo.exited, { code: 0, signal: null });
    assert.equal(existsSync(dirname(caFile)), false);
  });

  test('takes another port where its own is taken', async () => {
    const server = createServer();
    server.on('error', () => {});
    server.listen(8443, '127.0.0.1');
    // Taken by this test, or by whoever has it already.
    await Promise.race([once(server, 'listening'), once(server, 'error')]);
    const other = SluiceProcess.start(['demo']);
    try {
      assert.doesNotMatch(await other.printed(/Sluice demo/), /127\.0\.0\.1:8443 /);
      // Asked, not killed, it takes its folder along.
      other.kill('SIGTERM');
      await other.exited;
    } finally {
      await other.end();
      server.close();
    }
  });
});
