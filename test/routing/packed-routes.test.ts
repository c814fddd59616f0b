import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';

import { packRoutes } from '../../src/routing/pack-routes.ts';
import { compareRoutes } from '../../src/routing/route-changes.ts';
import { RouteList } from '../../src/routing/route-list.ts';
import { RouteTable } from '../../src/routing/route-table.ts';
import { anyRoutes } from './route-model.ts';
import { connection, route, tableOf } from './routes.ts';

const forward = (upstream: string) => ({ action: { kind: 'forward', upstream } });

describe('packed routes', () => {
  it('are read as they were given', () => {
    fc.assert(
      fc.property(anyRoutes, (routes) => {
        const list = new RouteList(packRoutes(routes));
        assert.deepEqual(
          [...list].map(({ action, ...rest }) => rest),
          routes,
        );
      }),
      { numRuns: 500 },
    );
  });

  it('keep actions, and names of any characters', () => {
    const routes = [
      { ...route('Bücher, 書店\n', { serverNames: ['*'] }), ...forward('a') },
      { ...route('a.test', { serverNames: ['a.test', '*.a.test'] }), ...forward('ü') },
      { ...route('*.a.test', { serverNames: ['*.a.test'], wildcard: 'one-label' }), ...forward('a') },
    ];
    assert.deepEqual([...new RouteList(packRoutes(routes))], routes);
    assert.deepEqual(
      [...new RouteList(packRoutes(routes)).actions()],
      [forward('a').action, forward('ü').action],
    );
  });

  it('match nothing where the list of server names is empty', () => {
    const table = tableOf([route('none', { serverNames: [] })]);
    assert.equal(table.find(connection({ serverName: 'a.test' })), undefined);
    assert.equal(table.find(connection()), undefined);
  });

  it('take less than 100 bytes a name, with a route for each', () => {
    const routes = Array.from({ length: 100_000 }, (_, i) => {
      const name = `shop-${i.toString(36).padStart(5, '0')}.customers.example`;
      return { ...route(name, { serverNames: [name] }), ...forward(`upstream${i % 1000}`) };
    });
    const packed = packRoutes(routes);
    assert.ok(packed.bytes.length < 100 * routes.length, `${packed.bytes.length}`);
    const table = new RouteTable<{ upstream: string }>(packed);
    for (const i of [0, 4_711, 99_999]) {
      const found = table.find(connection({ serverName: routes[i]?.name }));
      assert.deepEqual(found, { name: routes[i]?.name, action: routes[i]?.action });
    }
  });

  it('let the making of large contests be taken in steps', () => {
    const sources = Array.from({ length: 10_000 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`);
    const table = tableOf([route('near', { sources }), route('all')]);
    const steps = [...table.prepare()].length;
    assert.ok(steps >= sources.length, `${steps} steps`);
    assert.equal(table.find(connection({ source: '10.1.2.3' }))?.name, 'near');
    assert.equal(table.find(connection({ source: '11.1.2.3' }))?.name, 'all');
  });
});

describe('changes of routes', () => {
  it('are what came, what went and what is another under its name', () => {
    const before = packRoutes([route('stays'), route('goes'), route('other', { alpn: ['h2'] })]);
    const after = packRoutes([route('comes'), route('other', { alpn: ['h3'] }), route('stays')]);
    assert.deepEqual(compareRoutes(before, after), {
      added: ['comes'],
      removed: ['goes'],
      changed: ['other'],
    });
  });

  it('are seen in server names and actions, too', () => {
    const at = (serverName: string, upstream: string) =>
      packRoutes([{ ...route('shop', { serverNames: [serverName] }), ...forward(upstream) }]);
    const changed = { added: [], removed: [], changed: ['shop'] };
    assert.deepEqual(compareRoutes(at('a.test', 'a'), at('b.test', 'a')), changed);
    assert.deepEqual(compareRoutes(at('a.test', 'a'), at('a.test', 'b')), changed);
    assert.deepEqual(compareRoutes(at('a.test', 'a'), at('a.test', 'a')), { ...changed, changed: [] });
  });
});
