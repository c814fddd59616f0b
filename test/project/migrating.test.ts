import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { haproxy, nginx, testIsInstalled } from '../proxy-protocol/peers.ts';
import { documents, fences } from './documents.ts';

const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin` };

function shown(language: string): readonly { place: string; text: string }[] {
  const found = documents.flatMap((document) => fences(document, language));
  assert.ok(found.length > 0, `no ${language} is shown`);
  return found;
}

function accepts(command: string, ...args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync(command, args, { env, encoding: 'utf8', timeout: 60_000 });
  assert.equal(status, 0, stdout + stderr);
}

describe('what the documents show of other proxies', () => {
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-migrating-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  const write = (text: string) => {
    const file = join(folder, 'peer.conf');
    writeFileSync(file, text);
    return file;
  };

  describe('of HAProxy', testIsInstalled(haproxy), () => {
    for (const { place, text } of shown('haproxy')) {
      test(`${place} is valid`, () => accepts('haproxy', '-c', '-f', write(text)));
    }
  });

  describe('of nginx', testIsInstalled(nginx), () => {
    for (const { place, text } of shown('nginx')) {
      test(`${place} is valid`, () => {
        const around = `load_module /usr/lib/nginx/modules/ngx_stream_module.so;
          pid ${folder}/nginx.pid; error_log stderr; events {}`;
        accepts('nginx', '-t', '-p', folder, '-e', 'stderr', '-c', write(`${around}\n${text}`));
      });
    }
  });
});
