import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { RouteCriteria, RouteQuery } from '../../src/routing/route-criteria.ts';
import { connection, route, tableOf } from './routes.ts';

/** Names the winners as the routes are listed and as they are listed backwards: the order never matters. */
function winner(routes: readonly RouteCriteria[], given: Partial<RouteQuery>): string | undefined {
  const query = connection(given);
  const found = tableOf(routes).find(query)?.name;
  assert.equal(tableOf(routes.toReversed()).find(query)?.name, found);
  return found;
}

describe('a route table and names', () => {
  const byName = [
    route('exact', { serverNames: ['a.shop.example'] }),
    route('deep', { serverNames: ['*.shop.example'] }),
    route('shallow', { serverNames: ['*.example'] }),
    route('any', { serverNames: ['*'] }),
    route('nameless'),
  ];

  it('prefers the exact name, then the wildcard with the most labels, then "*", then no server names', () => {
    const expected = ['exact', 'deep', 'shallow', 'any', 'nameless'];
    for (const [i, name] of expected.entries()) {
      assert.equal(winner(byName.slice(i), { serverName: 'a.shop.example' }), name);
    }
    assert.equal(winner([], { serverName: 'a.shop.example' }), undefined);
  });

  it('matches one label or more with a wildcard', () => {
    const routes = [route('deep', { serverNames: ['*.shop.example'] })];
    assert.equal(winner(routes, { serverName: 'a.shop.example' }), 'deep');
    assert.equal(winner(routes, { serverName: 'c.b.a.shop.example' }), 'deep');
  });

  it('never matches the suffix itself with a wildcard, nor a name that merely ends alike', () => {
    const routes = [route('deep', { serverNames: ['*.shop.example'] })];
    for (const serverName of ['shop.example', 'example', 'myshop.example', 'a.myshop.example']) {
      assert.equal(winner(routes, { serverName }), undefined, serverName);
    }
  });

  it('matches exactly one label with a one-label wildcard', () => {
    const routes = [route('one', { serverNames: ['*.shop.example'], wildcard: 'one-label' })];
    assert.equal(winner(routes, { serverName: 'a.shop.example' }), 'one');
    assert.equal(winner(routes, { serverName: 'b.a.shop.example' }), undefined);
    assert.equal(winner(routes, { serverName: 'shop.example' }), undefined);
  });

  it('prefers one label to any depth on the same suffix, where both match', () => {
    const routes = [
      route('one', { serverNames: ['*.shop.example'], wildcard: 'one-label' }),
      route('deep', { serverNames: ['*.shop.example'] }),
    ];
    assert.equal(winner(routes, { serverName: 'a.shop.example' }), 'one');
    assert.equal(winner(routes, { serverName: 'b.a.shop.example' }), 'deep');
  });

  it('matches any name with "*" alone, whatever the depth', () => {
    for (const wildcard of ['any-depth', 'one-label'] as const) {
      const routes = [route('any', { serverNames: ['*'], wildcard })];
      assert.equal(winner(routes, { serverName: 'localhost' }), 'any');
      assert.equal(winner(routes, { serverName: 'a.b.c.d' }), 'any');
    }
  });

  it('has no server name match "*": only routes without server names', () => {
    assert.equal(winner(byName, { serverName: undefined }), 'nameless');
    assert.equal(winner(byName.slice(0, -1), { serverName: undefined }), undefined);
  });

  it('takes a route for each of its names', () => {
    const routes = [route('shop', { serverNames: ['shop.example', '*.shop.example'] }), route('any')];
    assert.equal(winner(routes, { serverName: 'shop.example' }), 'shop');
    assert.equal(winner(routes, { serverName: 'www.shop.example' }), 'shop');
    assert.equal(winner(routes, { serverName: 'example' }), 'any');
  });

  it('takes a name a route lists twice for one', () => {
    assert.equal(
      winner([route('shop', { serverNames: ['a', 'a'], listeners: ['edge'] })], { serverName: 'a' }),
      'shop',
    );
  });

  it('finds a name of 127 labels under a wildcard of one', () => {
    const serverName = Array.from({ length: 127 }, () => 'a').join('.');
    assert.equal(winner([route('deep', { serverNames: ['*.a'] })], { serverName }), 'deep');
    assert.equal(winner([route('deep', { serverNames: ['*.b'] })], { serverName }), undefined);
  });

  it('is not confused by names that objects have', () => {
    for (const serverName of ['constructor', '__proto__', 'tostring']) {
      assert.equal(winner([route('shop', { serverNames: ['shop'] })], { serverName }), undefined);
      assert.equal(winner([route('odd', { serverNames: [serverName] })], { serverName }), 'odd');
    }
  });
});

describe('a route table among routes equal on the name', () => {
  const serverName = 'shop.example';
  const serverNames = [serverName];

  it('prefers a route for the listener to one for all', () => {
    const routes = [
      route('inner', { serverNames, listeners: ['inner', 'backup'] }),
      route('all', { serverNames }),
    ];
    assert.equal(winner(routes, { serverName, listener: 'inner' }), 'inner');
    assert.equal(winner(routes, { serverName, listener: 'backup' }), 'inner');
    assert.equal(winner(routes, { serverName, listener: 'edge' }), 'all');
  });

  it('prefers the longest prefix that holds the source to shorter ones, and these to none', () => {
    const routes = [
      route('eight', { serverNames, sources: ['10.0.0.0/8', '2001:db8::/32'] }),
      route('sixteen', { serverNames, sources: ['198.51.100.0/24', '10.1.0.0/16'] }),
      route('address', { serverNames, sources: ['10.1.2.3', '2001:db8::1'] }),
      route('all', { serverNames }),
    ];
    assert.equal(winner(routes, { serverName, source: '10.1.2.3' }), 'address');
    assert.equal(winner(routes, { serverName, source: '10.1.2.4' }), 'sixteen');
    assert.equal(winner(routes, { serverName, source: '10.2.2.4' }), 'eight');
    assert.equal(winner(routes, { serverName, source: '11.2.2.4' }), 'all');
    assert.equal(winner(routes, { serverName, source: '2001:db8::1' }), 'address');
    assert.equal(winner(routes, { serverName, source: '2001:db8::2' }), 'eight');
  });

  it('takes an IPv4-mapped source for IPv4', () => {
    const routes = [route('eight', { serverNames, sources: ['10.0.0.0/8'] }), route('all', { serverNames })];
    assert.equal(winner(routes, { serverName, source: '::ffff:10.1.2.3' }), 'eight');
  });

  it('has an unknown source match no prefix, not even the one of every address', () => {
    const routes = [
      route('every', { serverNames, sources: ['0.0.0.0/0', '::/0'] }),
      route('all', { serverNames }),
    ];
    assert.equal(winner(routes, { serverName, source: undefined }), 'all');
    assert.equal(winner(routes, { serverName, source: '10.0.0.1' }), 'every');
    assert.equal(winner(routes, { serverName, source: '::1' }), 'every');
  });

  it('prefers a route for a protocol the client offers to one for all', () => {
    const routes = [route('h2', { serverNames, alpn: ['h2', 'h3'] }), route('all', { serverNames })];
    assert.equal(winner(routes, { serverName, alpn: ['http/1.1', 'h2'] }), 'h2');
    assert.equal(winner(routes, { serverName, alpn: ['http/1.1'] }), 'all');
    assert.equal(winner(routes, { serverName, alpn: [] }), 'all');
  });

  it('lets the protocol the client offers first decide between routes for protocols', () => {
    const routes = [
      route('old', { serverNames, alpn: ['http/1.1', 'http/1.0'] }),
      route('new', { serverNames, alpn: ['h2'] }),
    ];
    assert.equal(winner(routes, { serverName, alpn: ['h2', 'http/1.1'] }), 'new');
    assert.equal(winner(routes, { serverName, alpn: ['http/1.1', 'h2'] }), 'old');
    assert.equal(winner(routes, { serverName, alpn: ['x', 'http/1.0', 'h2'] }), 'old');
  });

  it('weighs the listener before the source, and the source before the protocol', () => {
    const routes = [
      route('listener', { serverNames, listeners: ['edge'] }),
      route('source', { serverNames, sources: ['10.0.0.0/8'] }),
      route('protocol', { serverNames, alpn: ['h2'] }),
      route('all', { serverNames }),
    ];
    const given = { serverName, listener: 'edge', source: '10.0.0.1', alpn: ['h2'] };
    assert.equal(winner(routes, given), 'listener');
    assert.equal(winner(routes.slice(1), given), 'source');
    assert.equal(winner(routes.slice(2), given), 'protocol');
    assert.equal(winner(routes, { ...given, listener: 'inner' }), 'source');
  });

  it('prefers a shorter prefix whose protocol matches to a longer one whose protocol does not', () => {
    const routes = [
      route('long', { serverNames, sources: ['10.1.0.0/16'], alpn: ['h2'] }),
      route('short', { serverNames, sources: ['10.0.0.0/8'] }),
    ];
    assert.equal(winner(routes, { serverName, source: '10.1.0.1', alpn: ['h2'] }), 'long');
    assert.equal(winner(routes, { serverName, source: '10.1.0.1' }), 'short');
  });

  it('tells routes without server names apart in the same way', () => {
    const routes = [
      route('inner', { listeners: ['inner'] }),
      route('near', { sources: ['10.0.0.0/8'] }),
      route('all'),
    ];
    assert.equal(winner(routes, { listener: 'inner', source: '10.0.0.1' }), 'inner');
    assert.equal(winner(routes, { source: '10.0.0.1' }), 'near');
    assert.equal(winner(routes, {}), 'all');
  });
});

describe('a route table and routes passed over', () => {
  it('tries the next most specific name where no route with the name matches', () => {
    const routes = [
      route('exact', { serverNames: ['a.shop.example'], alpn: ['h2'] }),
      route('one', { serverNames: ['*.shop.example'], wildcard: 'one-label', listeners: ['inner'] }),
      route('deep', { serverNames: ['*.shop.example'], sources: ['10.0.0.0/8'] }),
      route('shallow', { serverNames: ['*.example'], alpn: ['http/1.1'] }),
      route('any', { serverNames: ['*'], listeners: ['edge', 'inner'] }),
      route('nameless'),
    ];
    const serverName = 'a.shop.example';
    assert.equal(winner(routes, { serverName, alpn: ['h2'] }), 'exact');
    assert.equal(winner(routes, { serverName, listener: 'inner' }), 'one');
    assert.equal(winner(routes, { serverName, source: '10.0.0.1' }), 'deep');
    assert.equal(winner(routes, { serverName, alpn: ['http/1.1'] }), 'shallow');
    assert.equal(winner(routes, { serverName }), 'any');
    assert.equal(winner(routes, { serverName, listener: 'other' }), 'nameless');
  });

  it('passes over a route whose list is empty: no value is in it', () => {
    const empty = [{ serverNames: [] }, { listeners: [] }, { sources: [] }, { alpn: [] }];
    for (const criteria of empty)
      assert.equal(winner([route('empty', criteria)], { alpn: ['h2'] }), undefined);
  });
});

describe('a route table and connections that are not TLS', () => {
  it('gives them routes without server names and protocols alone', () => {
    const routes = [
      route('named', { serverNames: ['*'] }),
      route('protocol', { alpn: ['h2'] }),
      route('near', { sources: ['10.0.0.0/8'] }),
    ];
    const plain = { plainTcp: true, serverName: 'shop.example', alpn: ['h2'] };
    assert.equal(winner(routes, { ...plain, source: '10.0.0.1' }), 'near');
    assert.equal(winner(routes, plain), undefined);
    assert.equal(winner([...routes, route('all')], plain), 'all');
  });
});

describe('a route table and large configurations', () => {
  it('shares what tells routes apart among the names that have the same routes', { timeout: 30_000 }, () => {
    const serverNames = Array.from({ length: 20_000 }, (_, i) => `n${i}.example`);
    const sources = Array.from({ length: 20_000 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`);
    const table = tableOf([route('near', { serverNames, sources }), route('all', { serverNames })]);
    const given = { serverName: 'n19999.example' };
    assert.equal(table.find(connection({ ...given, source: '10.1.2.3' }))?.name, 'near');
    assert.equal(table.find(connection({ ...given, source: '11.1.2.3' }))?.name, 'all');
  });

  it('refuses a source that is no address prefix', () => {
    assert.throws(
      () => tableOf([route('odd', { sources: ['nonsense'] })]),
      /"nonsense" is not an IP address/,
    );
  });

  it('reads nothing of a connection that its routes do not ask about', () => {
    const table = tableOf([route('shop', { serverNames: ['shop.example'] }), route('all')]);
    const unread = (): never => assert.fail('read');
    const query: RouteQuery = {
      serverName: 'shop.example',
      plainTcp: false,
      get alpn() {
        return unread();
      },
      get source() {
        return unread();
      },
      get listener() {
        return unread();
      },
    };
    assert.equal(table.find(query)?.name, 'shop');
  });
});
