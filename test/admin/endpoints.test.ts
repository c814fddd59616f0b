import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ask, askJson, scrape } from './admin-requests.ts';
import { onLoopback, sampleStatus, withAdmin } from './fake-proxy.ts';

const json = async (address: string, path: string, method = 'GET') => {
  const { status, json: body } = await askJson(address, path, { method });
  return [status, body];
};

describe('the admin server', () => {
  test('is healthy while it answers', () =>
    withAdmin(onLoopback, async (address, proxy) => {
      proxy.isStarting = true;
      proxy.isReady = false;
      assert.deepEqual(await json(address, '/healthz'), [200, { status: 'ok' }]);
    }));

  test('is ready when every worker serves, and neither before nor while draining', () =>
    withAdmin(onLoopback, async (address, proxy) => {
      assert.deepEqual(await json(address, '/readyz'), [200, { status: 'ready' }]);
      proxy.isReady = false;
      assert.deepEqual(await json(address, '/readyz'), [503, { error: 'not every worker serves' }]);
      proxy.isStopping = true;
      assert.deepEqual(await json(address, '/readyz'), [503, { error: 'draining' }]);
    }));

  test('says so while there is nothing to tell yet', () =>
    withAdmin(onLoopback, async (address, proxy) => {
      proxy.isStarting = true;
      for (const path of ['/metrics', '/status', '/explain']) {
        assert.deepEqual(await json(address, path), [503, { error: 'starting' }]);
      }
    }));

  test('shows no more of the metrics and the routes than are asked for', () =>
    withAdmin(onLoopback, async (address) => {
      const wanted = 'name[]=sluice_endpoint_up&name[]=sluice_config_info';
      const { body } = await ask(address, `/metrics?${wanted}`);
      const names = body.split('\n').flatMap((line) => /^\w+/.exec(line) ?? []);
      assert.deepEqual(names, ['sluice_endpoint_up', 'sluice_config_info']);
      const [, status] = await json(address, '/status?routes=2');
      assert.deepEqual([Reflect.get(Object(status), 'routes').length, Object(status).routeCount], [2, 6]);
      assert.equal((await json(address, '/status?routes=all'))[0], 400);
    }));

  test('shows the metrics of the proxy and of its process', () =>
    withAdmin(onLoopback, async (address) => {
      const metrics = await scrape(address);
      const endpoint = '{upstream="shop",endpoint="192.0.2.1:443"}';
      assert.equal(metrics.get(`sluice_endpoint_up${endpoint}`), 0);
      assert.equal(metrics.get(`sluice_endpoint_certificate_expiry_seconds${endpoint}`), 1_790_000_000);
      assert.equal(metrics.get('sluice_config_reloads_total{result="success"}'), 2);
      assert.equal(metrics.get('sluice_config_reloads_total{result="failure"}'), 1);
      assert.equal(metrics.get('sluice_worker_restarts_total'), 3);
      assert.ok(metrics.has('process_cpu_seconds_total'));
      assert.ok(metrics.has('nodejs_eventloop_lag_p99_seconds'));
    }));

  test('shows the status', () =>
    withAdmin(onLoopback, async (address) => {
      const { status, json: body } = await askJson(address, '/status');
      const { uptimeSeconds, version, state, routes, pid, generation, ...rest } = body;
      assert.deepEqual([pid, generation], [process.pid, 2]);
      assert.deepEqual([status, version, state], [200, '9.9.9', 'serving']);
      assert.ok(Number(uptimeSeconds) > 0);
      assert.deepEqual({ routes: sampleStatus.routes, ...rest }, sampleStatus);
      assert.deepEqual((routes as object[])[1], {
        name: 'h2',
        serverNames: ['shop.test'],
        wildcard: 'any-depth',
        alpn: ['h2'],
        upstream: 'shop',
      });
      assert.deepEqual((routes as object[])[4], {
        name: 'gone',
        serverNames: ['gone.test'],
        wildcard: 'any-depth',
        reject: 'access_denied',
      });
    }));

  test('shows live connections, as many as asked for, the oldest first', () =>
    withAdmin(onLoopback, async (address, proxy) => {
      const nothing = {
        listener: 'edge',
        client: '192.0.2.9:1',
        serverName: '"<\u0000',
        route: null,
        upstream: null,
      };
      proxy.live = Array.from({ length: 300 }, (_, i) => {
        return { id: `id-${i}`, ...nothing, endpoint: null, bytesUp: 1, bytesDown: 2, ageMs: i };
      });
      const ids = async (path: string) => {
        const { connections } = (await askJson(address, path)).json;
        return (connections as { id: string }[]).map(({ id }) => id);
      };
      assert.equal((await ids('/connections')).length, 100);
      assert.deepEqual(
        await ids('/connections?limit=150'),
        (await ids('/connections?limit=10000')).slice(0, 150),
      );
      assert.deepEqual((await ids('/connections?limit=300')).slice(0, 2), ['id-299', 'id-298']);
      const { connections } = (await askJson(address, '/connections?limit=1')).json;
      assert.deepEqual(connections, [proxy.live[150]]);
    }));

  for (const limit of ['0', '-1', '10001', 'all', '1.5', '']) {
    test(`refuses limit=${limit}`, () =>
      withAdmin(onLoopback, async (address) => {
        const error = `limit: ${JSON.stringify(limit)} is not allowed; allowed are whole numbers from 1 to 10000`;
        assert.deepEqual(await json(address, `/connections?limit=${limit}`), [400, { error }]);
      }));
  }

  const explained: readonly [query: string, expected: object][] = [
    ['serverName=shop.test', { route: 'shop', upstream: 'shop', reject: null, listener: 'edge' }],
    ['serverName=SHOP.test.&alpn=http/1.1,h2', { route: 'h2', serverName: 'shop.test' }],
    ['serverName=office.test', { route: null, upstream: null, reject: 'unrecognized_name' }],
    ['serverName=office.test&source=192.0.2.77', { route: 'office' }],
    ['serverName=office.test&listener=inner', { route: 'inner', listener: 'inner' }],
    ['serverName=gone.test', { route: 'gone', upstream: null, reject: 'access_denied' }],
    ['serverName=shut.test', { reject: 'close' }],
    ['serverName=192.0.2.1', { serverName: null, route: null }],
    ['listener=inner', { route: 'inner', serverName: null }],
  ];
  for (const [query, expected] of explained) {
    test(`explains ${query}`, () =>
      withAdmin(onLoopback, async (address) => {
        const { status, json: body } = await askJson(address, `/explain?${query}`);
        assert.equal(status, 200);
        assert.deepEqual({ ...body, ...expected }, body);
      }));
  }

  test('explains by naming the winner first, then what it beat', () =>
    withAdmin(onLoopback, async (address) => {
      const { json: body } = await askJson(address, '/explain?serverName=shop.test&alpn=h2');
      const considered = body['considered'] as { route: string; verdict: string; why: string }[];
      assert.deepEqual(
        considered.map(({ route, verdict }) => [route, verdict]),
        [
          ['h2', 'won'],
          ['shop', 'lost'],
          ['inner', 'passed-over'],
        ],
      );
      assert.equal(body['why'], considered[0]?.why);
    }));

  for (const [query, error] of [
    ['source=nowhere', /^source: "nowhere" is not an IP address/],
    ['listener=egde', /^listener: there is no "egde"; allowed are edge, inner/],
  ] as const) {
    test(`refuses to explain ${query}`, () =>
      withAdmin(onLoopback, async (address) => {
        const { status, json: body } = await askJson(address, `/explain?${query}`);
        assert.equal(status, 400);
        assert.match(String(body['error']), error);
      }));
  }

  test('begins to drain', () =>
    withAdmin(onLoopback, async (address, proxy) => {
      assert.deepEqual(await json(address, '/drain', 'POST'), [200, { status: 'draining' }]);
      assert.equal(proxy.drains, 1);
    }));

  test('reloads, and says what changed or what is wrong', () =>
    withAdmin(onLoopback, async (address, proxy) => {
      assert.deepEqual(await json(address, '/reload', 'POST'), [
        501,
        { error: 'this proxy cannot reload: restart it' },
      ]);
      proxy.reload = async () => ({ ok: true, changes: ['route shop: added'] });
      assert.deepEqual(await json(address, '/reload', 'POST'), [200, { changes: ['route shop: added'] }]);
      proxy.reload = async () => ({ ok: false, problems: ['a', 'b'] });
      assert.deepEqual(await json(address, '/reload', 'POST'), [
        422,
        { error: 'a\nb', problems: ['a', 'b'] },
      ]);
    }));

  test('restarts workers, and says which', () =>
    withAdmin(onLoopback, async (address, proxy) => {
      const path = '/restart-workers';
      assert.deepEqual(await json(address, path, 'POST'), [501, { error: 'this proxy has no workers' }]);
      const replaced = [{ index: 0, before: 4711, now: 4712 }];
      proxy.restartWorkers = async () => ({ replaced, problem: undefined });
      assert.deepEqual(await json(address, path, 'POST'), [200, { replaced }]);
      proxy.restartWorkers = async () => ({ replaced, problem: 'worker 1: no' });
      assert.deepEqual(await json(address, path, 'POST'), [503, { error: 'worker 1: no', replaced }]);
    }));

  test('upgrades, and says why not', () =>
    withAdmin(onLoopback, async (address, proxy) => {
      assert.deepEqual(await json(address, '/upgrade', 'POST'), [200, { pid: 4711 }]);
      proxy.upgrade = async () => ({ ok: false, problems: ['a', 'b'] });
      assert.deepEqual(await json(address, '/upgrade', 'POST'), [
        503,
        { error: 'a\nb', problems: ['a', 'b'] },
      ]);
    }));

  test('answers 405 to another method and 404 to another path', () =>
    withAdmin(onLoopback, async (address, proxy) => {
      const gets = ['/healthz', '/readyz', '/metrics', '/status', '/connections', '/explain'];
      for (const [path, method, allow] of [
        ...gets.map((path) => [path, 'POST', 'GET, HEAD'] as const),
        ['/drain', 'GET', 'POST'] as const,
        ['/reload', 'DELETE', 'POST'] as const,
        ['/restart-workers', 'GET', 'POST'] as const,
        ['/upgrade', 'GET', 'POST'] as const,
      ]) {
        const { status, headers, body } = await ask(address, path, { method });
        assert.deepEqual([path, status, headers['allow']], [path, 405, allow]);
        assert.deepEqual(JSON.parse(body), { error: `${method} is not allowed here; allowed is ${allow}` });
      }
      assert.equal(proxy.drains, 0);
      assert.deepEqual(await json(address, '/metric'), [404, { error: 'there is no /metric' }]);
      assert.equal((await ask(address, '/status', { method: 'HEAD' })).status, 200);
    }));

  test('answers what goes wrong as JSON', () =>
    withAdmin(onLoopback, async (address, proxy) => {
      proxy.status = () => Promise.reject(new Error('out of luck'));
      assert.deepEqual(await json(address, '/status'), [500, { error: 'out of luck' }]);
    }));

  test('lets nobody keep an answer', () =>
    withAdmin(onLoopback, async (address) => {
      for (const path of ['/status', '/metrics', '/nowhere']) {
        const { headers } = await ask(address, path);
        assert.deepEqual(
          [headers['cache-control'], headers['x-content-type-options']],
          ['no-store', 'nosniff'],
        );
      }
    }));
});
