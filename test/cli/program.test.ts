import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import { configJsonSchema } from '../../src/config/json-schema.ts';
import { sluice } from './sluice.ts';

const withExamples = [
  'check',
  'explain',
  'status',
  'reload',
  'restart-workers',
  'upgrade',
  'drain',
  'schema',
];

describe('the command line', { concurrency: 2 }, () => {
  it('prints the version of the package', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    assert.deepEqual(await sluice(['--version']), { code: 0, stdout: `${version}\n`, stderr: '' });
  });

  it('has help for itself and for each command, with examples', async () => {
    const { code, stdout } = await sluice(['--help']);
    assert.equal(code, 0);
    for (const command of [...withExamples, 'run', 'demo'])
      assert.match(stdout, new RegExp(`^ {2}${command} `, 'm'));
    for (const command of withExamples) {
      const help = await sluice([command, '--help']);
      assert.equal(help.code, 0);
      assert.match(
        help.stdout,
        new RegExp(`^Usage: sluice ${command} .*^Examples:\\n {2}sluice ${command} `, 'ms'),
      );
    }
  });

  it('refuses wrong usage in one line, with exit code 2', async () => {
    const wrong: readonly [args: string[], stderr: string][] = [
      [['chekc'], "sluice: unknown command 'chekc' (Did you mean check?)\n"],
      [['check'], "sluice: required option '-c, --config <file>' not specified\n"],
      [['check', '-c'], "sluice: option '-c, --config <file>' argument missing\n"],
      [
        ['check', '-c', 'a', 'b'],
        "sluice: too many arguments for 'check'. Expected 0 arguments but got 1.\n",
      ],
      [['schema', '--jsn'], "sluice: unknown option '--jsn'\n"],
    ];
    for (const [args, stderr] of wrong) assert.deepEqual(await sluice(args), { code: 2, stdout: '', stderr });
    const flags: readonly [args: string[], stderr: RegExp][] = [
      [['--listen', ':0'], /^--route: is missing; allowed are routes such as .*\n$/],
      [['--route', '*=127.0.0.1:1'], /^--listen: is missing; allowed are addresses such as .*\n$/],
      [['--listen', ':0', '--route', 'a'], /^--route a: has no "="; .*\n$/],
      [['--listen', 'x', '--route', '*=127.0.0.1:1'], /^--listen x: .*\n$/],
    ];
    for (const [args, expected] of flags) {
      const run = await sluice(['run', ...args]);
      assert.match(run.stderr, expected);
      assert.deepEqual([run.code, run.stdout], [2, '']);
    }
    const { code, stdout, stderr } = await sluice([]);
    assert.equal(code, 2);
    assert.equal(stdout, '');
    assert.match(stderr, /^Usage: sluice /);
  });

  it('prints the JSON Schema', async () => {
    const { code, stdout, stderr } = await sluice(['schema']);
    assert.deepEqual([code, stderr], [0, '']);
    assert.deepEqual(JSON.parse(stdout), configJsonSchema());
  });
});
