import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { onLoopback, withAdmin } from '../admin/fake-proxy.ts';
import { sluice } from './sluice.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const enter = '\x1b[?1049h';
const leave = '\x1b[?1049l';

test('sluice top takes the terminal, obeys keys and gives it back', { timeout: 120_000 }, () =>
  withAdmin(onLoopback, async (address) => {
    const command = [
      process.execPath,
      '--import',
      import.meta.resolve('tsx'),
      main,
      'top',
      '--admin',
      address,
    ];
    const inside = `stty rows 20 cols 120; ${command.join(' ')}; echo "ended $?"; stty -a`;
    // Of util-linux: it gives the command a terminal of its own.
    const terminal = spawn('script', ['-qec', inside, '/dev/null'], {
      env: { ...process.env, TERM: 'xterm' },
    });
    let shown = '';
    terminal.stdout.setEncoding('utf8').on('data', (text: string) => {
      shown += text;
    });
    const until = async (wanted: string) => {
      while (!shown.includes(wanted)) await once(terminal.stdout, 'data');
    };
    await until('by connections');
    terminal.stdin.write('jb');
    await until('by bytes');
    terminal.stdin.write('q');
    await until('ended 0');
    await until('icanon');
    terminal.stdin.end();
    assert.ok(shown.indexOf(enter) < shown.indexOf('Sluice at'), 'it begins on a screen of its own');
    assert.ok(shown.indexOf(leave) > shown.lastIndexOf('Sluice at'), 'it ends with the screen of before');
    assert.match(shown.slice(shown.indexOf('ended 0')), / icanon/);
  }),
);

test('sluice top prints one frame where there is no terminal', () =>
  withAdmin(onLoopback, async (address) => {
    const { code, stdout, stderr } = await sluice(['top', '--admin', address]);
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /^Sluice at .*portable|native data plane/);
    assert.ok(!stdout.includes('\x1b'));
    assert.match(stdout, /shop +192\.0\.2\.1:443 +NOT UP/);
  }));

test('sluice top says in one line that nobody answers', async () => {
  const { code, stderr } = await sluice(['top', '--admin', 'http://127.0.0.1:1']);
  assert.equal(code, 1);
  assert.match(stderr, /^sluice: nobody answers at http:\/\/127\.0\.0\.1:1: .*\n$/);
});
