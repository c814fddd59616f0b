import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, test } from 'node:test';
import { librariesOf, withParents } from '../../../bench/emulated/image.ts';

describe('the image of the emulated machine', () => {
  test('has each folder once, before what is in it', () => {
    assert.deepEqual(withParents(['/usr/bin/node', '/usr/lib/libm.so', '/usr/bin/node']), [
      '/usr',
      '/usr/bin',
      '/usr/bin/node',
      '/usr/lib',
      '/usr/lib/libm.so',
    ]);
  });

  test('has the libraries of a program, its linker among them', {
    skip: process.platform === 'linux' ? false : 'asks ldd',
  }, () => {
    const libraries = librariesOf(process.execPath);
    assert.ok(libraries.every((path) => existsSync(path)));
    for (const name of ['ld-', 'libstdc++']) {
      assert.ok(libraries.some((path) => basename(path).startsWith(name)));
    }
  });
});
