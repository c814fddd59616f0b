import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';

import { sluice } from './sluice.ts';

const cwd = mkdtempSync(join(tmpdir(), 'sluice-check-'));
after(() => rmSync(cwd, { recursive: true }));
copyFileSync(new URL('../config/fixtures/full.yaml', import.meta.url), join(cwd, 'full.yaml'));
writeFileSync(join(cwd, 'wrong.yaml'), 'listeners: [{name: edge, address: "443"}]\nworker: 2\n');

const valid = 'listeners: [{name: edge, address: ":443"}]\nroutes: [{reject: close}]\n';
const addresses = '":443", "192.0.2.1:443" and "[2001:db8::1]:443"';

describe('sluice check', { concurrency: 2 }, () => {
  it('prints one line for a valid configuration, and warnings apart', async () => {
    assert.deepEqual(await sluice(['check', '-c', 'full.yaml'], { cwd }), {
      code: 0,
      stdout: 'full.yaml is valid: 1 listener, 2 routes, 2 upstreams\n',
      stderr: 'warning: full.yaml:42:3: upstreams.anywhere: no route uses this upstream\n',
    });
  });

  it('prints every problem on a line of its own and exits with 1', async () => {
    const { code, stdout, stderr } = await sluice(['check', '--config', 'wrong.yaml'], { cwd });
    assert.equal(code, 1);
    assert.equal(stdout, '');
    const [address, worker, ...rest] = stderr.split('\n');
    assert.equal(
      address,
      `wrong.yaml:1:35: listeners[0].address: "443" has no port; allowed are addresses such as ${addresses}`,
    );
    assert.match(worker ?? '', /^wrong\.yaml:2:1: worker: is an unknown key; did you mean "workers"\? /);
    assert.deepEqual(rest, ['']);
  });

  it('reads standard input for -', async () => {
    assert.deepEqual(await sluice(['check', '-c', '-'], { stdin: valid }), {
      code: 0,
      stdout: '<stdin> is valid: 1 listener, 1 route, 0 upstreams\n',
      stderr: '',
    });
    const { code, stderr } = await sluice(['check', '-c', '-'], { stdin: 'listeners: 5' });
    assert.equal(code, 1);
    assert.match(stderr, /^<stdin>:1:12: listeners: 5 is not allowed here; [^\n]*\n$/);
  });

  it('says why a file cannot be read', async () => {
    assert.deepEqual(await sluice(['check', '-c', 'none.yaml'], { cwd }), {
      code: 1,
      stdout: '',
      stderr: 'none.yaml: cannot be read: there is no such file (ENOENT)\n',
    });
  });
});
