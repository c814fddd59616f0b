import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { listener, problemsOf, route, routesOf, snapshotOf } from './loading.ts';

const notYaml = 'is not YAML:';

describe('YAML of any kind', () => {
  it('has anchors and aliases', () => {
    const snapshot = snapshotOf(`${listener}
routes:
  - {name: a, serverNames: &names [a.test, b.test], sources: [10.0.0.0/8], upstream: &shop shop}
  - {name: b, serverNames: *names, upstream: *shop}
  - {name: *shop, serverNames: [c.test], reject: close}
upstreams:
  shop: {endpoints: [a:1]}
`);
    assert.deepEqual(
      routesOf(snapshot).map(({ name, serverNames }) => [name, serverNames]),
      [
        ['a', ['a.test', 'b.test']],
        ['b', ['a.test', 'b.test']],
        ['shop', ['c.test']],
      ],
    );
  });

  it('has block scalars, tags of its own types and keys that look like numbers', () => {
    const snapshot = snapshotOf(`${listener}
routes: [{upstream: "443"}, {serverNames: [!!str a.test], reject: close}]
upstreams:
  443:
    endpoints:
      - >-
        192.0.2.1:8443
`);
    assert.equal(snapshot.upstreams[0]?.name, '443');
  });

  it('points at the value an alias stands for where that is wrong', () => {
    const problems = problemsOf(`${listener}
routes:
  - {serverNames: &n [a..b], upstream: shop}
  - {serverNames: *n, sources: [::1], upstream: shop}
upstreams: {shop: {endpoints: [a:1]}}
`);
    assert.deepEqual(
      problems.map((problem) => problem.slice(0, 36)),
      ['f:4:23: routes[0].serverNames[0]: "a', 'f:4:23: routes[1].serverNames[0]: "a'],
    );
  });

  const refused: readonly [name: string, text: string, problems: string[]][] = [
    ['nothing', '', ['f:1:1: is empty; allowed is a mapping with "listeners" at least']],
    ['a comment', '# x\n', ['f:1:1: is empty; allowed is a mapping with "listeners" at least']],
    ['two documents', `${listener}---\n${route}`, ['f:2:1: has a second document here; allowed is one']],
    ['an indented tab', 'listeners:\n\t- a\n', [`f:2:1: ${notYaml} Tabs are not allowed as indentation`]],
    [
      'a star without quotes',
      'listeners: [*]',
      [`f:1:13: ${notYaml} text that starts with "*" needs quotes, such as "*" or "*.example.com"`],
    ],
    [
      'a wildcard without quotes',
      `${listener}routes:\n  - serverNames: [*.a.test]\n`,
      [`f:3:19: ${notYaml} there is no anchor for "*.a.test"; text that starts with "*" needs quotes`],
    ],
    [
      'an alias of what it is in',
      'listeners: &a [*a]',
      [`f:1:16: ${notYaml} there is no anchor for "*a"; text that starts with "*" needs quotes`],
    ],
    ['a tag of another', 'listeners: !env X', [`f:1:12: ${notYaml} Unresolved tag: !env`]],
    ['endless nesting', '['.repeat(50_000), ['f:1:LATER: is nested too deep to be read']],
    ['a key that is a list', '[a]: 1', ['f:1:1: has a key here that is not text; allowed is text']],
  ];

  for (const [name, text, problems] of refused) {
    it(`refuses ${name}`, () => {
      assert.deepEqual(
        problemsOf(text).map((problem) => problem.replace(/^f:1:\d{3,}/, 'f:1:LATER')),
        problems,
      );
    });
  }

  it('refuses nesting that no configuration has', () => {
    const [problem, ...others] = problemsOf(`a: ${'['.repeat(70)}${']'.repeat(70)}`);
    assert.match(problem ?? '', /^f:1:68: a(\[0\]){64}: is nested too deep; allowed are 64 levels$/);
    assert.deepEqual(others, []);
  });

  it('refuses aliases that stand for too much, and quickly', { timeout: 10_000 }, () => {
    let text = 'a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n';
    for (let i = 1; i < 12; i++)
      text += `a${i}: &a${i} [${Array(10)
        .fill(`*a${i - 1}`)
        .join(', ')}]\n`;
    assert.match(
      problemsOf(text).join('\n'),
      /^f:\d+:\d+: a5(\[\d\])+: is past the 1000000 values that aliases may stand for$/,
    );
  });

  it('refuses a chain of aliases of any length', () => {
    let text = 'a0: &a0 [x]\n';
    for (let i = 1; i < 100; i++) text += `a${i}: &a${i} [*a${i - 1}]\n`;
    assert.match(problemsOf(text).join('\n'), /is nested too deep; allowed are 64 levels/);
  });

  it('refuses a key given twice, and shows both, in any writing', () => {
    const twice = (place: string, other: string) => [
      `f:${place}: workers: is given twice; allowed is once (the other is at f:${other})`,
    ];
    assert.deepEqual(problemsOf(`workers: 1\n${listener}${route}workers: 1\n`), twice('5:1', '1:1'));
    assert.deepEqual(problemsOf(`&x workers: 1\n${listener}${route}"workers": 1\n`), twice('5:1', '1:4'));
    assert.deepEqual(
      problemsOf('{"workers": 1, "listeners": [{"name": "a", "address": ":1"}], "workers": 2}'),
      twice('1:63', '1:2'),
    );
  });

  it('refuses the key that JavaScript objects cannot have, and takes others of their names', () => {
    const endpoints = '{endpoints: ["a:1"]}';
    const text = `${listener}routes: [{upstream: constructor}]\nupstreams: {constructor: ${endpoints}, toString: ${endpoints}`;
    assert.deepEqual(
      snapshotOf(`${text}}`).upstreams.map(({ name }) => name),
      ['constructor', 'toString'],
    );
    assert.deepEqual(problemsOf(`${text}, __proto__: ${endpoints}}`), [
      'f:3:80: upstreams.__proto__: is not allowed as a key; allowed is any other',
    ]);
  });
});
