import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { explainRoute } from '../../src/routing/explain.ts';
import type { RouteCriteria, RouteQuery } from '../../src/routing/route-criteria.ts';
import { connection, route, tableOf } from './routes.ts';

function lines(routes: readonly RouteCriteria[], given: Partial<RouteQuery>): string[] {
  const { considered } = explainRoute(tableOf(routes), connection(given));
  return considered.map(({ route: { name }, verdict, why }) => `${name} ${verdict}: ${why}`);
}

describe('an explanation', () => {
  const serverName = 'a.shop.example';
  const serverNames = [serverName];

  it('names the winner first, then those it beat by name, in the order in which they would win', () => {
    const routes = [
      route('nameless'),
      route('any', { serverNames: ['*'] }),
      route('one', { serverNames: ['*.shop.example'], wildcard: 'one-label' }),
      route('deep', { serverNames: ['*.shop.example', '*.example'] }),
      route('elsewhere', { serverNames: ['b.shop.example'] }),
      route('exact', { serverNames }),
    ];
    assert.deepEqual(lines(routes, { serverName }), [
      'exact won: matches by the exact name a.shop.example',
      'one lost: wildcard *.shop.example (one label) is less specific than the exact name a.shop.example',
      'deep lost: wildcard *.shop.example is less specific than the exact name a.shop.example',
      'any lost: wildcard * is less specific than the exact name a.shop.example',
      'nameless lost: having no server names is less specific than the exact name a.shop.example',
    ]);
  });

  it('says what decided among routes equal on the name', () => {
    const routes = [
      route('all', { serverNames }),
      route('protocol', { serverNames, alpn: ['h2'] }),
      route('source', { serverNames, sources: ['10.0.0.0/8'] }),
      route('listener', { serverNames, listeners: ['edge'] }),
    ];
    assert.deepEqual(lines(routes, { serverName, source: '10.0.0.1', alpn: ['h2'] }), [
      'listener won: matches by the exact name a.shop.example, its listener',
      'source lost: having no listeners is less specific than naming the listener',
      'protocol lost: having no listeners is less specific than naming the listener',
      'all lost: having no listeners is less specific than naming the listener',
    ]);
  });

  it('says which prefix was longer and which protocol was offered earlier', () => {
    const bySource = [
      route('eight', { serverNames, sources: ['10.0.0.0/8'] }),
      route('sixteen', { serverNames, sources: ['10.9.0.0/16', '10.1.2.3/16'], alpn: ['x', 'h2'] }),
      route('all', { serverNames }),
    ];
    assert.deepEqual(lines(bySource, { serverName, source: '10.1.0.1', alpn: ['h2'] }), [
      'sixteen won: matches by the exact name a.shop.example, its source 10.1.0.0/16, its protocol h2',
      'eight lost: source 10.0.0.0/8 is less specific than source 10.1.0.0/16',
      'all lost: having no sources is less specific than source 10.1.0.0/16',
    ]);
    const byProtocol = [
      route('all', { serverNames }),
      route('old', { serverNames, alpn: ['http/1.1'] }),
      route('new', { serverNames, alpn: ['h2'] }),
    ];
    assert.deepEqual(lines(byProtocol, { serverName, alpn: ['h2', 'http/1.1'] }), [
      'new won: matches by the exact name a.shop.example, its protocol h2',
      'old lost: protocol http/1.1 is offered after h2',
      'all lost: having no protocols is less specific than protocol h2',
    ]);
  });

  it('says which criterion failed of routes whose name matches, all of them', () => {
    const routes = [
      route('near', { serverNames, sources: ['10.0.0.0/8', '::1'] }),
      route('inner', { serverNames, listeners: ['inner'], alpn: ['h2'] }),
      route('any', { serverNames: ['*'] }),
    ];
    assert.deepEqual(lines(routes, { serverName, alpn: ['x', 'y'] }), [
      'any won: matches by wildcard *',
      'inner passed-over: it is for listener inner, not edge; it asks for protocol h2, and the client offers x, y',
      'near passed-over: 192.0.2.1 is not in its sources 10.0.0.0/8, ::1',
    ]);
  });

  it('says of an unknown source, of no offer and of plain TCP what they are', () => {
    const near = route('near', { sources: ['10.0.0.0/8'] });
    const protocol = route('protocol', { alpn: ['h2'] });
    assert.deepEqual(lines([near], { source: undefined }), [
      'near passed-over: the client, whose address is not known, is not in its sources 10.0.0.0/8',
    ]);
    assert.deepEqual(lines([protocol], {}), [
      'protocol passed-over: it asks for protocol h2, and the client offers no protocol',
    ]);
    assert.deepEqual(lines([protocol], { plainTcp: true, alpn: ['h2'] }), [
      'protocol passed-over: it asks for protocol h2, and the connection is not TLS',
    ]);
  });

  it('lists no more of a long list than a sentence can carry', () => {
    const sources = Array.from({ length: 1000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
    assert.deepEqual(lines([route('near', { sources })], {}), [
      'near passed-over: 192.0.2.1 is not in its sources 10.0.0.0, 10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4 and 995 more',
    ]);
  });

  it('says of routes nothing tells apart that the first listed won', () => {
    assert.deepEqual(lines([route('first'), route('second')], {}), [
      'first won: matches by having no server names',
      'second lost: nothing tells it from the winner, which is listed first',
    ]);
  });

  it('has no winner where no route matches', () => {
    const routes = [route('shop', { serverNames })];
    assert.deepEqual(explainRoute(tableOf(routes), connection({ serverName: 'b.example' })), {
      winner: undefined,
      considered: [],
    });
  });
});
