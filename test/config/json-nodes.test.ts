import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { readJson } from '../../src/config/json-nodes.ts';
import { readYaml } from '../../src/config/yaml-nodes.ts';
import { problemsOf } from './loading.ts';

/** What makes it YAML and no JSON, and moves every place. */
const comment = '#\n';

describe('a configuration in JSON', () => {
  it('is read as the same text in YAML', () => {
    const anyObject = fc.dictionary(fc.string(), fc.jsonValue());
    fc.assert(
      fc.property(anyObject, fc.constantFrom(0, 2), (value, indent) => {
        const text = JSON.stringify(value, undefined, indent);
        const yaml = readYaml(comment + text);
        assert.ok(yaml.ok);
        assert.deepEqual(readJson(text), moved(yaml.root, -comment.length));
      }),
      { numRuns: 1000 },
    );
  });

  it('is left to the other reader where it is no JSON', () => {
    const texts = [
      '{a: 1}',
      '{"a": 1,}',
      '{"a": 1} {',
      '// no\n{}',
      '{"a" 1}',
      '',
      'a: {"b": 1}',
      '{"a": [1}',
    ];
    for (const text of texts) assert.equal(readJson(text), undefined, text);
    assert.equal(readJson(`{"a": ${'['.repeat(100_000)}`), undefined);
  });

  it('has its keys given twice and its problems found where they are', () => {
    const text = '{"listeners": [{"name": "edge", "address": ":443"}],\n "watch": true, "watch": 3}';
    const problems = problemsOf(text);
    assert.deepEqual(
      problems,
      problemsOf(comment + text).map((line) => line.replaceAll('f:3:', 'f:2:')),
    );
    assert.match(problems.join('\n'), /f:2:17: watch: /);
  });
});

function moved(node: unknown, by: number): unknown {
  if (Array.isArray(node)) return node.map((each) => moved(each, by));
  if (typeof node !== 'object' || node === null) return node;
  return Object.fromEntries(
    Object.entries(node).map(([key, value]) => [
      key,
      (key === 'at' || key === 'keyAt') && typeof value === 'number' ? value + by : moved(value, by),
    ]),
  );
}
