import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import type { ConfigNode } from '../../src/config/config-node.ts';
import { readPlainYaml } from '../../src/config/plain-yaml.ts';
import { readYaml } from '../../src/config/yaml-nodes.ts';

const complete = readFileSync(new URL('fixtures/full.yaml', import.meta.url), 'utf8');

/** Fails unless the library reads the text the same; false where the plain reader leaves it to the library. */
function agrees(text: string): boolean {
  const plain = readPlainYaml(text);
  if (plain === undefined) return false;
  const read = readYaml(text);
  assert.ok(read.ok, `the library refuses ${JSON.stringify(text)}`);
  assert.deepEqual(withoutNullPlaces(plain), withoutNullPlaces(read.root), JSON.stringify(text));
  return true;
}

/** Where nothing is written there is no place to agree on; problems use the key's. */
function withoutNullPlaces(node: ConfigNode): ConfigNode {
  switch (node.kind) {
    case 'scalar':
      return node.value === null ? { ...node, at: 0 } : node;
    case 'list':
      return { ...node, items: node.items.map(withoutNullPlaces) };
    case 'mapping':
      return {
        ...node,
        entries: node.entries.map((entry) => ({ ...entry, node: withoutNullPlaces(entry.node) })),
      };
    case 'alias':
      return node;
  }
}

describe('the reader of plain YAML', () => {
  it('reads what configurations are written in, as the library does', () => {
    const texts = [
      complete,
      'a: 1\n',
      '---\na: 1',
      '# comment\n\n---  # start\n\n  a: 1\n  b: 2 # end\n',
      'a:\n- b\n- c\nd:\n  - - e\n    - f\n  -\n    g: h\n',
      'a:\n  b:\nc: null\nd: x\n',
      '- a: 1\n  b:\n  - c\n- {d: e, "f":g, h: [i, {j: k}, ], }\n- []\n- {}\n',
      'a: [\n  1,\n\n  2\n  ]\n',
      '{"a": {"b": [true, false, null, 0, "x\\n\\u00e9\\ud83d\\ude00"]},\n"c": ""}',
      "a: 'it''s'\n'b c': \"d\"\n\"e\": f # g\n",
      'a: b:c#d\nb: :443\nc: -x\nd: .a\ne: 10.0.0.1\nf: 1.2.3\ng: a, b [c] {d}\nh: é 😀 # i\n',
      'true: True\nnull: NULL\n1: 7\n',
    ];
    for (const text of texts) assert.ok(agrees(text), text);
  });

  it('leaves the rest to the library', () => {
    const texts = [
      '',
      '# only a comment\n',
      'plain text',
      'a: &b c',
      'a: *b',
      'a: !!str 1',
      'a: |\n  b',
      'a: b\n  c',
      '? a\n: b',
      'a:\n\tb: 1',
      'a: 1\r\n',
      '\ufeffa: 1',
      'a: 1\n...\n',
      'a: 1\n---\nb: 2\n',
      '%YAML 1.2\n---\na: 1',
      'a: 1.5',
      'a: 0x10',
      'a: .inf',
      'a: "\\x41"',
      'a: "b\n  c"',
      'a: b: c',
      'a: [b',
      'a: [b]: c',
      'a: [b # c\n  ]',
      'a: [\nb]',
      'a: b\n c: d',
      '  a: 1\n b: 2',
      'a: "b" c',
      'a: "b"#c',
      '[a: b]',
      '[a] b',
      `${'['.repeat(100)}${']'.repeat(100)}`,
      `${'k'.repeat(2000)}: 1`,
    ];
    for (const text of texts) assert.equal(readPlainYaml(text), undefined, text);
  });

  it('agrees with the library on any text made of pieces of YAML', () => {
    const piece = fc.constantFrom(
      ...[
        'a',
        'b: ',
        'c:',
        '- ',
        '-',
        '\n',
        '\n  ',
        '\n    ',
        ' ',
        ' # x',
        '#',
        '"q"',
        "'s'",
        '"a\\"b"',
        '[',
        ']',
        '{',
        '}',
      ],
      ...[
        ',',
        ', ',
        '1',
        '01',
        '-1',
        '1.5',
        'true',
        'null',
        '~',
        'x: y',
        'k: 1\n',
        '- 2\n',
        '---',
        '---\n',
        '\n...\n',
        '&a ',
        '*a',
      ],
      ...[
        '!t ',
        '|',
        '>',
        '?',
        ':',
        '://h',
        'a#b',
        '.5',
        'é',
        '😀',
        '%Y',
        '"',
        "'",
        '"k": ',
        '"k":1',
        ':443',
        '::',
        '[a, b]',
        '{a: 1}',
      ],
      ...[
        'key: value\n',
        '  key: value\n',
        '- key: value\n',
        '<<: ',
        '  - x\n',
        '\\',
        '1e5',
        '_',
        '\r\n',
        '\t',
        '\n- ',
      ],
    );
    let read = 0;
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        if (agrees(pieces.join(''))) read++;
      }),
      { numRuns: 20_000 },
    );
    assert.ok(read > 500, `only ${read} texts were read`);
  });

  it('agrees with the library on the complete example with mistakes in it', () => {
    const edit = fc.tuple(
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.integer({ min: 0, max: 3 }),
      fc.constantFrom('', ' ', '\n', ':', '- ', '"', '[', '}', '#', ','),
    );
    let read = 0;
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 3 }), (edits) => {
        let text = complete;
        for (const [place, removed, inserted] of edits) {
          const at = Math.floor(place * text.length);
          text = text.slice(0, at) + inserted + text.slice(at + removed);
        }
        if (agrees(text)) read++;
      }),
      { numRuns: 300 },
    );
    assert.ok(read > 50, `only ${read} texts were read`);
  });
});
