import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';

import { findRouteConflicts } from '../../src/routing/conflicts.ts';
import { explainRoute } from '../../src/routing/explain.ts';
import type { RouteCriteria } from '../../src/routing/route-criteria.ts';
import { anyQuery, anyRoutes, modelConflicts, modelPrecedence, modelWinners } from './route-model.ts';
import { tableOf } from './routes.ts';

const anyQueries = fc.array(anyQuery, { minLength: 20, maxLength: 40 });

describe('a route table against the rules one by one', () => {
  it('finds the route the rules prefer, the first listed where they prefer none', () => {
    fc.assert(
      fc.property(anyRoutes, anyQueries, (routes, queries) => {
        const table = tableOf(routes);
        for (const query of queries) {
          assert.equal(table.find(query)?.name, modelWinners(routes, query)[0]?.name);
        }
      }),
      { numRuns: 4000 },
    );
  });

  it('answers the same in whatever order routes without conflicts are listed', () => {
    let compared = 0;
    fc.assert(
      fc.property(anyRoutes, anyQueries, fc.infiniteStream(fc.nat()), (routes, queries, order) => {
        const free = withoutConflicts(routes);
        const shuffled = free.map((route) => ({ route, at: order.next().value })).sort((a, b) => a.at - b.at);
        const table = tableOf(free);
        const other = tableOf(shuffled.map(({ route }) => route));
        for (const query of queries) {
          const found = table.find(query);
          assert.equal(other.find(query)?.name, found?.name);
          if (found !== undefined) compared++;
        }
      }),
      { numRuns: 2000 },
    );
    assert.ok(compared > 1000, `only ${compared} connections had a route`);
  });

  it('never throws, whatever a client says', () => {
    const wild = fc.record({
      serverName: fc.option(
        fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constant('.'), fc.constant('..')),
        {
          nil: undefined,
        },
      ),
      alpn: fc.array(fc.string()),
      source: fc.option(fc.oneof(fc.string(), fc.ipV4(), fc.ipV6()), { nil: undefined }),
      listener: fc.string(),
      plainTcp: fc.boolean(),
    });
    fc.assert(
      fc.property(anyRoutes, wild, (routes, query) => {
        tableOf(routes).find(query);
      }),
      { numRuns: 3000 },
    );
  });
});

describe('an explanation against the rules one by one', () => {
  it('names the winner the table finds, and every route whose name matches once', () => {
    fc.assert(
      fc.property(anyRoutes, anyQueries, (routes, queries) => {
        const table = tableOf(routes);
        for (const query of queries) {
          const { winner, considered } = explainRoute(table, query);
          assert.equal(winner?.name, table.find(query)?.name);
          const matching = routes.filter((route) => modelPrecedence(route, query) !== undefined);
          const found = considered.filter(({ verdict }) => verdict !== 'passed-over');
          assert.deepEqual(
            new Set(found.map(({ route }) => route.name)),
            new Set(matching.map(({ name }) => name)),
          );
          assert.equal(new Set(considered.map(({ route }) => route.name)).size, considered.length);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('lists the beaten routes in the order in which they would win', () => {
    fc.assert(
      fc.property(anyRoutes, anyQuery, (routes, query) => {
        let left = routes;
        const expected: string[] = [];
        for (
          let next = modelWinners(left, query)[0];
          next !== undefined;
          next = modelWinners(left, query)[0]
        ) {
          const won = next;
          expected.push(won.name);
          left = left.filter((route) => route !== won);
        }
        const matching = explainRoute(tableOf(routes), query).considered.filter(
          ({ verdict }) => verdict !== 'passed-over',
        );
        assert.deepEqual(
          matching.map(({ route }) => route.name),
          expected,
        );
      }),
      { numRuns: 3000 },
    );
  });
});

describe('conflicts against the rules one by one', () => {
  it('reports a route with the first route some connection ties it with, and no other', () => {
    const tables = { tied: 0, free: 0 };
    fc.assert(
      fc.property(anyRoutes, (routes) => {
        const expected = modelConflicts(routes);
        const found = findRouteConflicts(routes).map(({ first, second }) => ({
          first: first.name,
          second: second.name,
        }));
        assert.deepEqual(found, expected);
        tables[expected.length > 0 ? 'tied' : 'free']++;
      }),
      { numRuns: 1500 },
    );
    assert.ok(tables.tied > 150 && tables.free > 300, `${tables.tied} tied, ${tables.free} free`);
  });
});

function withoutConflicts<R extends RouteCriteria>(routes: readonly R[]): R[] {
  const tied = new Set(findRouteConflicts(routes).map(({ second }) => second));
  return routes.filter((route) => !tied.has(route));
}
