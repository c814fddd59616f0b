import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { findRouteConflicts } from '../../src/routing/conflicts.ts';
import type { RouteCriteria } from '../../src/routing/route-criteria.ts';
import { route } from './routes.ts';

/** Why two routes conflict; undefined where they don't. */
function why(a: Partial<RouteCriteria>, b: Partial<RouteCriteria>): string | undefined {
  const routes = [route('a', a), route('b', b)];
  const [conflict, ...more] = findRouteConflicts(routes);
  assert.equal(more.length, 0);
  assert.equal(conflict?.first ?? routes[0], routes[0]);
  assert.equal(conflict?.second ?? routes[1], routes[1]);
  assert.equal(findRouteConflicts(routes.toReversed()).length, conflict === undefined ? 0 : 1);
  return conflict?.why;
}

describe('two routes conflict', () => {
  it('where they have a name in common', () => {
    const shared = why(
      { serverNames: ['a.example', 'b.example'] },
      { serverNames: ['b.example', 'c.example'] },
    );
    assert.equal(shared, 'both match b.example, and neither is more specific');
    assert.match(
      why({ serverNames: ['*.example'] }, { serverNames: ['*.example'] }) ?? '',
      /both match \*\.example,/,
    );
    assert.match(
      why({ serverNames: ['*'] }, { serverNames: ['*'], wildcard: 'one-label' }) ?? '',
      /both match \*,/,
    );
    assert.match(
      why(
        { serverNames: ['*.example'], wildcard: 'one-label' },
        { serverNames: ['*.example'], wildcard: 'one-label' },
      ) ?? '',
      /both match \*\.example \(one label\),/,
    );
  });

  it('where neither has server names', () => {
    assert.equal(why({}, {}), 'both match any connection, and neither is more specific');
  });

  it('where they have a listener, a prefix and a protocol in common', () => {
    assert.equal(
      why(
        { serverNames: ['a'], listeners: ['x', 'edge'], sources: ['10.1.2.3/8', '::1'], alpn: ['h2', 'h3'] },
        { serverNames: ['a'], listeners: ['edge'], sources: ['10.0.0.0/8'], alpn: ['http/1.1', 'h2'] },
      ),
      'both match a on listener edge from 10.0.0.0/8 offering h2, and neither is more specific',
    );
  });

  it('where a prefix is written in two ways', () => {
    assert.match(
      why({ sources: ['::ffff:10.0.0.0/104'] }, { sources: ['10.9.9.9/8'] }) ?? '',
      /from 10\.0\.0\.0\/8/,
    );
    assert.match(
      why({ sources: ['192.0.2.1'] }, { sources: ['192.0.2.1/32'] }) ?? '',
      /from 192\.0\.2\.1\/32/,
    );
  });

  it('whatever prefixes of the other address family they have', () => {
    // As many addresses, and the same number as first.
    assert.match(
      why({ sources: ['0.0.0.0/0', '::/96'] }, { sources: ['0.0.0.0/0'] }) ?? '',
      /from 0\.0\.0\.0\/0/,
    );
  });

  it('where one of them has longer prefixes too, but not for all of the common one', () => {
    assert.match(
      why({ sources: ['10.0.0.0/8', '10.0.0.0/9', '10.128.0.0/10'] }, { sources: ['10.0.0.0/8'] }) ?? '',
      /from 10\.0\.0\.0\/8/,
    );
  });
});

describe('two routes do not conflict', () => {
  it('where their names differ in specificity', () => {
    const names = ['a.b', '*.b', '*.a.b', '*'];
    for (const [i, first] of names.entries()) {
      for (const second of names.slice(i + 1)) {
        assert.equal(why({ serverNames: [first] }, { serverNames: [second] }), undefined);
      }
      assert.equal(why({ serverNames: [first] }, {}), undefined);
    }
    assert.equal(why({ serverNames: ['*.b'] }, { serverNames: ['*.b'], wildcard: 'one-label' }), undefined);
  });

  it('where one of them alone asks for a listener, a source or a protocol', () => {
    assert.equal(why({}, { listeners: ['edge'] }), undefined);
    assert.equal(why({}, { sources: ['10.0.0.0/8'] }), undefined);
    assert.equal(why({}, { alpn: ['h2'] }), undefined);
    assert.equal(why({ listeners: ['edge'] }, { sources: ['10.0.0.0/8'] }), undefined);
  });

  it('where they have no listener, no prefix or no protocol in common', () => {
    assert.equal(why({ listeners: ['edge'] }, { listeners: ['inner'] }), undefined);
    assert.equal(why({ alpn: ['h2'] }, { alpn: ['http/1.1'] }), undefined);
    assert.equal(why({ sources: ['10.0.0.0/8'] }, { sources: ['10.0.0.0/16', '::a00:0/104'] }), undefined);
  });

  it('where every address of the common prefix has a longer match', () => {
    const halves = ['10.0.0.0/9', '10.128.0.0/9'];
    assert.equal(why({ sources: ['10.0.0.0/8', ...halves] }, { sources: ['10.0.0.0/8'] }), undefined);
    assert.equal(
      why({ sources: ['10.0.0.0/8', '10.0.0.0/9'] }, { sources: ['10.0.0.0/8', '10.128.0.0/9'] }),
      undefined,
    );
    assert.equal(
      why({ sources: ['::/0', '::/1'] }, { sources: ['::/0', '8000::/2', 'c000::/2'] }),
      undefined,
    );
  });

  it('where one route lists a value twice', () => {
    const twice = {
      serverNames: ['a', 'a'],
      listeners: ['x', 'x'],
      sources: ['::1', '::1/128'],
      alpn: ['h2', 'h2'],
    };
    assert.equal(why(twice, { serverNames: ['b'] }), undefined);
    assert.deepEqual(findRouteConflicts([route('twice', twice)]), []);
  });
});

describe('conflicts of many routes', () => {
  it('are reported once for each route, with the first it cannot be told from', () => {
    const routes = ['a', 'b', 'c'].map((name) => route(name, { serverNames: ['x', 'y', name] }));
    assert.deepEqual(
      findRouteConflicts(routes).map(({ first, second }) => [first.name, second.name]),
      [
        ['a', 'b'],
        ['a', 'c'],
      ],
    );
  });

  it('are found in time that grows with their number, not its square', { timeout: 60_000 }, () => {
    const count = 100_000;
    const many = (criteria: (i: number) => Partial<RouteCriteria>) =>
      Array.from({ length: count }, (_, i) => route(`r${i}`, criteria(i)));
    const source = (i: number) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
    const shared = { serverNames: Array.from({ length: 5 }, (_, i) => `s${i}.example`) };
    assert.equal(findRouteConflicts(many((i) => ({ serverNames: [`n${i}`, `*.n${i}`] }))).length, 0);
    assert.equal(findRouteConflicts(many((i) => ({ ...shared, sources: [source(i)] }))).length, 0);
    assert.equal(findRouteConflicts(many((i) => ({ serverNames: [`n${i >> 1}`] }))).length, count / 2);
    assert.equal(findRouteConflicts(many(() => shared)).length, count - 1);
    const halved = { sources: ['10.0.0.0/8', '10.0.0.0/9', '10.128.0.0/9'] };
    assert.equal(findRouteConflicts(many(() => halved)).length, count - 1);
  });
});
