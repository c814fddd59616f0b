import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { listener, problemsOf, route, routesOf, snapshotOf, warningsOf } from './loading.ts';

/** Problems of listeners at these addresses, `:9901` being the admin server's port, by what they say first. */
function sharing(...addresses: string[]): string[] {
  const listeners = addresses.map((address, i) => `  - {name: l${i}, address: "${address}"}\n`);
  return problemsOf(`listeners:\n${listeners.join('')}${route}`).map(
    (problem) => problem.split(';')[0] ?? '',
  );
}

describe('addresses of listeners', () => {
  it('are each their own', () => {
    assert.deepEqual(sharing(':443', ':444', '127.0.0.1:445', '127.0.0.2:445', '[::1]:445'), []);
    assert.deepEqual(sharing(':0', ':0', '127.0.0.1:0'), []);
    assert.deepEqual(sharing('0.0.0.0:443', '[::1]:443'), []);
  });

  it('are refused where another is the same or stands for every address', () => {
    const shared = [
      [':443', ':443'],
      [':443', '127.0.0.1:443'],
      ['127.0.0.1:443', '0.0.0.0:443'],
      ['[::]:443', '127.0.0.1:443'],
      ['[::1]:443', '[::]:443'],
      ['0.0.0.0:443', '[::]:443'],
      ['a.test:443', 'A.test:443'],
      ['[::1]:443', '[0:0::1]:443'],
    ] as const;
    for (const [first, second] of shared) {
      assert.deepEqual(sharing(first, second), [
        'f:3:25: listeners[1].address: is an address that the listener "l0" binds',
      ]);
    }
  });

  it("are not the admin server's either", () => {
    assert.deepEqual(problemsOf(`listeners: [{name: a, address: ":9901"}]\n${route}`), [
      'f:1:1: admin.address: is an address that the listener "a" binds; allowed is a host or port of its own (the other is at f:1:32)',
    ]);
    assert.deepEqual(
      problemsOf(`listeners: [{name: a, address: ":9901"}]\n${route}admin: {address: false}`),
      [],
    );
    assert.deepEqual(
      problemsOf(`listeners: [{name: a, address: ":9901"}]\n${route}admin: {address: "unix:/a"}`),
      [],
    );
  });
});

describe('names', () => {
  it('of listeners and routes are each their own', () => {
    const text = `listeners: [{name: a, address: ":1"}, {name: a, address: ":2"}]
routes:
  - {name: r, serverNames: [a.test], reject: close}
  - {name: r, serverNames: [b.test], reject: close}
  - {name: r, serverNames: [c.test], reject: close}
`;
    assert.deepEqual(problemsOf(text), [
      'f:1:46: listeners[1].name: "a" is the name of another of the listeners; allowed is a name of its own (the other is at f:1:20)',
      'f:4:12: routes[1].name: "r" is the name of another of the routes; allowed is a name of its own (the other is at f:3:12)',
      'f:5:12: routes[2].name: "r" is the name of another of the routes; allowed is a name of its own (the other is at f:3:12)',
    ]);
  });

  it('of listeners and upstreams must be there, even where those have problems', () => {
    const text = `listeners: [{name: edge, address: 5}]
routes:
  - {serverNames: [a.test], upstream: shop, listeners: [edge, nowhere]}
  - {serverNames: [b.test], upstream: shpo}
upstreams: {shop: {endpoints: 5}, other: {endpoints: ["a:1"]}}
`;
    const problems = problemsOf(text).filter((problem) => problem.includes('there is no'));
    assert.deepEqual(problems, [
      'f:3:63: routes[0].listeners[1]: there is no listener "nowhere"; allowed are "edge"',
      'f:4:39: routes[1].upstream: there is no upstream "shpo"; did you mean "shop"? Allowed are "shop" and "other"',
    ]);
    assert.deepEqual(problemsOf(`${listener}routes: [{upstream: shop}]`), [
      'f:2:21: routes[0].upstream: there is no upstream "shop"; allowed are names of which there are none',
    ]);
  });

  it('of many upstreams are not all listed', () => {
    const upstreams = Array.from({ length: 100 }, (_, i) => `u${i}: {endpoints: ["a:1"]}`).join(', ');
    assert.match(
      problemsOf(`${listener}routes: [{upstream: shop}]\nupstreams: {${upstreams}}`).join(),
      /there is no upstream "shop"; allowed are "u0", .*"u19" and 80 more$/,
    );
  });

  it('are made of the server names where a route has none', () => {
    const text = `${listener}
routes:
  - {serverNames: [a.test], reject: close}
  - {serverNames: [A.test.], sources: [10.0.0.0/8], reject: close}
  - {serverNames: [a.test], sources: [10.0.0.0/16], reject: close}
  - {name: a.test#2, serverNames: ["*"], reject: close}
  - {serverNames: [b.test, "*.b.test", c.test], reject: close}
  - {serverNames: [d.test, e.test, f.test, g.test, h.test], reject: close}
  - {reject: close}
  - {sources: [10.0.0.0/8], reject: close}
`;
    assert.deepEqual(
      routesOf(snapshotOf(text)).map(({ name }) => name),
      [
        'a.test',
        'a.test#3',
        'a.test#4',
        'a.test#2',
        'b.test,*.b.test,c.test',
        'd.test,e.test,f.test,+2',
        'default',
        'default#2',
      ],
    );
  });
});

describe('routes no connection could tell apart', () => {
  const conflict = (first: string, second: string) =>
    problemsOf(`${listener}routes:\n  - {reject: close, ${first}}\n  - {reject: reset, ${second}}\n`);

  it('are refused, naming both and where they are', () => {
    const problems = conflict('name: one, serverNames: [a.test, b.test]', 'name: two, serverNames: [B.test]');
    assert.equal(problems.length, 1);
    assert.match(
      problems[0] ?? '',
      /^f:4:5: routes\[1\]: no connection could tell "two" from "one": .*b\.test.* \(the other is at f:3:5\)$/,
    );
    assert.equal(conflict('name: one', 'name: two').length, 1);
    assert.equal(conflict('name: one, serverNames: ["*"]', 'name: two, serverNames: ["*"]').length, 1);
  });

  it('are allowed as soon as something tells them apart', () => {
    assert.deepEqual(conflict('serverNames: [a.test]', 'serverNames: [b.test]'), []);
    assert.deepEqual(conflict('serverNames: ["*"]', 'name: none'), []);
    assert.deepEqual(conflict('serverNames: [a.test]', 'serverNames: [a.test], alpn: [h2]'), []);
    assert.deepEqual(conflict('serverNames: [a.test]', 'serverNames: [a.test], sources: [10.0.0.0/8]'), []);
    assert.deepEqual(conflict('serverNames: [a.test]', 'serverNames: [a.test], listeners: [edge]'), []);
  });
});

describe('warnings', () => {
  it('are given of what can hardly be meant', () => {
    assert.deepEqual(warningsOf(listener), ['f:1:1: there are no routes: every connection is refused']);
    const text = `listeners: [{name: a, address: ":1"}, {name: b, address: ":2"}]
routes: [{upstream: shop, listeners: [a]}]
upstreams:
  shop: {endpoints: [{address: "a:1", weight: 0}]}
  spare: {endpoints: ["a:1"]}
`;
    assert.deepEqual(warningsOf(text), [
      'f:1:39: listeners[1]: no route is for "b": its connections are refused',
      'f:4:10: upstreams.shop.endpoints: every endpoint has weight 0: none gets connections',
      'f:5:3: upstreams.spare: no route uses this upstream',
    ]);
    assert.deepEqual(warningsOf(listener + route), []);
  });
});

describe('the hash', () => {
  const hash = (text: string) => snapshotOf(text).hash;

  it('is the same for configurations that mean the same', () => {
    const text = `${listener}routes: [{name: a, serverNames: [a.test], upstream: u}, {name: b, upstream: v}]
upstreams: {u: {endpoints: ["a:1"]}, v: {endpoints: ["b:1"]}}
`;
    const same = `upstreams: {v: {balance: round-robin, endpoints: ["B:1"]}, u: {endpoints: [{dns: "a:1"}]}}
routes:
  - {upstream: v, name: b}
  - {upstream: u, wildcard: any-depth, serverNames: [A.test., a.test], name: a}
listeners:
  - {address: ":443", name: edge, maxHelloBytes: 65536B, helloTimeout: 5000ms}
workers: auto
timeouts: {idle: 60m}
`;
    assert.equal(hash(text), hash(same));
  });

  it('is another for any difference', () => {
    const hashes = [
      listener + route,
      listener.replace('443', '444') + route,
      listener + route.replace('8443', '8444'),
      `${listener}${route}workers: 1`,
      `${listener}${route}watch: true`,
      `${listener}${route}admin: {token: a}`,
      `${listener}${route}admin: {token: b}`,
      `${listener}${route}timeouts: {idle: 2h}`,
    ].map(hash);
    assert.equal(new Set(hashes).size, hashes.length);
  });
});
