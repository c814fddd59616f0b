import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { snapshotFromFlags } from '../../src/config/flags.ts';
import { formatProblem } from '../../src/config/problem.ts';
import { routesOf } from './loading.ts';

function snapshot(listen: string[], route: string[]) {
  const loaded = snapshotFromFlags({ listen, route });
  assert.ok(loaded.ok, loaded.ok ? '' : loaded.problems.map(formatProblem).join('\n'));
  return loaded.snapshot;
}

function problems(listen: string[], route: string[]): string[] {
  const loaded = snapshotFromFlags({ listen, route });
  return loaded.ok ? [] : loaded.problems.map(formatProblem);
}

describe('flags', () => {
  it('name listeners by their addresses, and routes and upstreams by their server names', () => {
    const { listeners, routes, upstreams, admin } = snapshot(
      [':8443', '127.0.0.1:0'],
      ['Shop.test=192.0.2.1:443', '*.shop.test=app.internal:443', '*=[::1]:443'],
    );
    assert.deepEqual(
      listeners.map(({ name, host, port }) => [name, host, port]),
      [
        [':8443', undefined, 8443],
        ['127.0.0.1:0', '127.0.0.1', 0],
      ],
    );
    assert.deepEqual(
      routesOf({ routes }).map(({ name, serverNames, action }) => [name, serverNames, action]),
      [
        ['shop.test', ['shop.test'], { kind: 'forward', upstream: 'shop.test' }],
        ['*.shop.test', ['*.shop.test'], { kind: 'forward', upstream: '*.shop.test' }],
        ['*', undefined, { kind: 'forward', upstream: '*' }],
      ],
    );
    assert.deepEqual(
      upstreams.map(({ name, endpoints }) => [name, endpoints]),
      [
        ['shop.test', [{ kind: 'address', host: '192.0.2.1', port: 443, weight: 1 }]],
        ['*.shop.test', [{ kind: 'dns', name: 'app.internal', port: 443, weight: 1 }]],
        ['*', [{ kind: 'address', host: '::1', port: 443, weight: 1 }]],
      ],
    );
    assert.deepEqual(admin, { address: { host: '127.0.0.1', port: 9901 }, token: undefined });
  });

  it('put the addresses of a name into one upstream, each once', () => {
    const { routes, upstreams } = snapshot([':1'], ['a.test=b:1', 'A.test.=c:1', 'a.test=B:1']);
    assert.equal(routesOf({ routes }).length, 1);
    assert.deepEqual(
      upstreams.map(({ endpoints }) => endpoints.length),
      [2],
    );
  });

  it('are refused one by one', () => {
    const allowed = 'allowed are routes such as "shop.example.com=192.0.2.1:8443" and "*=192.0.2.2:8443"';
    assert.deepEqual(problems([], []), [
      '--listen: is missing; allowed are addresses such as ":8443"',
      `--route: is missing; ${allowed}`,
    ]);
    assert.deepEqual(problems([':x'], ['a.test']), [
      '--listen :x: ":x" has a port that is not a number from 0 to 65535; allowed are addresses such as ":443", "192.0.2.1:443" and "[2001:db8::1]:443"',
      `--route a.test: has no "="; ${allowed}`,
    ]);
    assert.match(
      problems([':1'], ['a..test=b:1']).join(),
      /^--route a\.\.test=b:1: "a\.\.test" has an empty label/,
    );
    assert.match(problems([':1'], ['a.test=b']).join(), /^--route a\.test=b: "b" has no port; /);
    assert.match(problems([':1'], ['=b:1']).join(), /^--route =b:1: "" is empty; /);
    assert.match(
      problems([':1', '127.0.0.1:1'], ['*=b:1']).join(),
      /^--listen 127\.0\.0\.1:1: is an address that the listener ":1" binds; /,
    );
    assert.match(
      problems([':9901'], ['*=b:1']).join(),
      /^--listen: is an address that the listener ":9901" binds; /,
    );
  });
});
