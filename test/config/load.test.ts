import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';

import fc from 'fast-check';
import { stringify } from 'yaml';

import { loadConfig } from '../../src/config/load.ts';
import { formatProblem } from '../../src/config/problem.ts';
import { listener, route } from './loading.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-load-'));
after(() => rmSync(folder, { recursive: true }));

function problemsOfFile(name: string): string[] {
  const loaded = loadConfig({ file: join(folder, name) });
  return loaded.ok
    ? []
    : loaded.problems.map((problem) => formatProblem(problem).replaceAll(`${folder}/`, ''));
}

describe('loading a file', () => {
  it('reads it, a byte order mark at its start or not', () => {
    writeFileSync(join(folder, 'a.yaml'), listener + route);
    assert.deepEqual(problemsOfFile('a.yaml'), []);
    writeFileSync(join(folder, 'b.yaml'), `\ufeff${listener}${route}x: 1`);
    assert.match(problemsOfFile('b.yaml').join(), /^b\.yaml:4:1: x: is an unknown key; /);
  });

  it('says why one cannot be read', () => {
    assert.deepEqual(problemsOfFile('none.yaml'), [
      'none.yaml: cannot be read: there is no such file (ENOENT)',
    ]);
    assert.deepEqual(problemsOfFile('a.yaml/b'), [
      "a.yaml/b: cannot be read: ENOTDIR: not a directory, open 'a.yaml/b'",
    ]);
    assert.deepEqual(problemsOfFile('.'), [`${folder}: cannot be read: it is a directory (EISDIR)`]);
  });

  it('says where one is no text', () => {
    const problemsOfBytes = (...bytes: (string | number[])[]) => {
      writeFileSync(
        join(folder, 'bytes.yaml'),
        Buffer.concat(bytes.map((part) => Buffer.from(part as string))),
      );
      return problemsOfFile('bytes.yaml');
    };
    const notText = 'is not text in UTF-8, which is what is allowed';
    assert.deepEqual(problemsOfBytes('a', [0xe9], '\n'), [`bytes.yaml:1:2: ${notText}`]);
    assert.deepEqual(problemsOfBytes([0xff, 0xfe], 'a'), [`bytes.yaml:1:1: ${notText}`]);
    // A character that is cut off, after one of two UTF-16 units.
    assert.deepEqual(problemsOfBytes('workers: 1\n\n# 😀', [0xe2, 0x82], '\n'), [
      `bytes.yaml:3:5: ${notText}`,
    ]);
    assert.deepEqual(problemsOfBytes('workers: 1\n#', [0xe2]), [`bytes.yaml:2:2: ${notText}`]);
  });

  it('says so where it may not be read', () => {
    writeFileSync(join(folder, 'secret.yaml'), '');
    chmodSync(join(folder, 'secret.yaml'), 0);
    // Root may read every file.
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) process.seteuid?.(65_534);
    try {
      assert.deepEqual(problemsOfFile('secret.yaml'), [
        'secret.yaml: cannot be read: permission denied (EACCES)',
      ]);
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  });

  it('refuses one that is too large, and one that never ends', { timeout: 20_000 }, () => {
    const allowed = 'is larger than the 268435456 bytes allowed';
    writeFileSync(join(folder, 'huge.yaml'), '');
    truncateSync(join(folder, 'huge.yaml'), 2 ** 28 + 1);
    assert.deepEqual(problemsOfFile('huge.yaml'), [`huge.yaml: ${allowed}`]);
    const endless = loadConfig({ file: '/dev/zero' });
    assert.deepEqual(endless.ok ? [] : endless.problems.map(formatProblem), [`/dev/zero: ${allowed}`]);
  });
});

describe('loading any text', () => {
  /** Either a snapshot or problems, each of them one line in the text. */
  function load(text: string): void {
    const loaded = loadConfig({ text, name: 'f' });
    if (loaded.ok) return;
    assert.ok(loaded.problems.length > 0);
    for (const problem of loaded.problems)
      assert.match(formatProblem(problem), /^f:[1-9]\d*:[1-9]\d*: [^\n]+$/);
  }

  const key = fc.constantFrom(
    ...[
      'listeners',
      'routes',
      'upstreams',
      'name',
      'address',
      'serverNames',
      'upstream',
      'reject',
      'endpoints',
      'health',
    ],
    ...[
      'active',
      'passive',
      'serverName',
      'allow',
      'sendProxyProtocol',
      'tlvs',
      'version',
      'weight',
      'sources',
      'listener',
    ],
    ...['admin', 'log', 'token', 'timeouts', 'limits', 'shop', 'constructor', '__proto__', '<<', ''],
  );
  const scalar = fc.oneof(
    fc.constantFrom<unknown>(
      'shop',
      'edge',
      ':443',
      'a:1',
      '*.a.test',
      '5s',
      '64KiB',
      '50%',
      '*',
      'close',
      '10.0.0.0/8',
    ),
    fc.constantFrom<unknown>(null, true, false, 0, 1, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53),
    fc.string({ unit: 'binary' }),
  );
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 5, withCrossShrink: true },
      scalar,
      fc.array(tie('value'), { maxLength: 4 }),
      fc.array(fc.tuple(key, tie('value')), { maxLength: 5 }).map((entries) => Object.fromEntries(entries)),
    ),
  }));

  it('never throws on garbage', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), load), { numRuns: 1000 });
  });

  it('never throws on values of any shape under keys that mean something', () => {
    fc.assert(
      fc.property(value, (any) => load(stringify(any) ?? '')),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(value, (any) => load(JSON.stringify(any) ?? '')),
      { numRuns: 500 },
    );
  });

  it('never throws on a configuration of which parts are something else', () => {
    const whole = (parts: Record<string, unknown>) => ({
      listeners: [{ name: 'edge', address: ':443' }],
      routes: [{ upstream: 'shop' }],
      upstreams: { shop: { endpoints: ['a:1'] } },
      ...parts,
    });
    fc.assert(
      fc.property(fc.dictionary(key, value, { maxKeys: 3 }), (parts) => load(JSON.stringify(whole(parts)))),
      { numRuns: 500 },
    );
    assert.ok(loadConfig({ text: JSON.stringify(whole({})), name: 'f' }).ok);
  });
});
