import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { AdminStatus } from '../../src/admin/admin-app.ts';
import { statusProblems } from '../../src/cli/status-problems.ts';
import { describeStatus } from '../../src/cli/status-table.ts';
import { sampleStatus } from '../admin/fake-proxy.ts';

const now = new Date('2026-03-01T15:00:00Z');
const wildcard = 'any-depth' as const;
const status: AdminStatus = {
  version: '9.9.9',
  state: 'serving',
  pid: 4711,
  generation: 2,
  uptimeSeconds: 10_800.7,
  ...sampleStatus,
  routeCount: 4,
  routes: [
    { wildcard, name: 'shop', serverNames: ['shop.test', '*.shop.test'], upstream: 'shop' },
    {
      wildcard,
      name: 'many',
      serverNames: ['a.test', 'b.test', 'c.test', 'd.test', 'e.test'],
      alpn: ['h2'],
      upstream: 'shop',
    },
    {
      wildcard,
      name: 'gone',
      serverNames: ['gone.test'],
      sources: ['192.0.2.0/24'],
      reject: 'access_denied',
    },
    { wildcard, name: 'rest', upstream: 'anywhere' },
  ],
};

describe('sluice status', () => {
  test('shows a proxy at a glance', () => {
    const expected = `
Sluice 9.9.9, serving, up 3h, native data plane
Process 4711, upgraded 2 times
Configuration c0ffee012345, loaded 2026-03-01 12:00:00 UTC

PROBLEMS
  worker 1 does not run (restarts so far: 3)
  shop [2001:db8::1]:443 is down: connection refused
  shop [2001:db8::1]:443 has a certificate that expired 2h ago

WORKER  PID         CONNECTIONS  RESTARTS
0       4711               1200         0
1       restarting            0         3

LISTENER  ADDRESS      CONNECTIONS
edge      0.0.0.0:443         1200

UPSTREAM  ENDPOINT            WEIGHT  STATE  CONNECTIONS  LAST PROBE     CERTIFICATE        WHY
shop      192.0.2.1:443            1  up            1199  passed 3s ago  expires in 14d 3h  TLSv1.3 handshake
          [2001:db8::1]:443       10  down             2  failed 2m ago  expired 2h ago     connection refused
anywhere  the name asked for                           7

ROUTE  SERVER NAMES                     ALPN  SOURCES       TO
shop   shop.test *.shop.test                                shop
many   a.test b.test c.test and 2 more  h2                  shop
gone   gone.test                              192.0.2.0/24  refused: access_denied
rest   every connection                                     anywhere`;
    const shown = describeStatus(status, now).split('\n');
    assert.deepEqual(shown, expected.trimStart().split('\n'));
  });

  test('shows the first of many routes', () => {
    const routes = Array.from({ length: 60 }, (_, i) => ({ wildcard, name: `r${i}`, upstream: 'shop' }));
    const lines = describeStatus({ ...status, routes, routeCount: 70 }, now).split('\n');
    assert.deepEqual(lines.slice(-2), ['r49    every connection  shop', 'and 20 more: --json shows all']);
  });

  test('says what is wrong first, and that nothing is', () => {
    const [shop, anywhere] = status.upstreams;
    const [up, down] = shop?.endpoints ?? [];
    assert.ok(shop !== undefined && anywhere !== undefined && up !== undefined && down !== undefined);
    const problems = (upstreams: AdminStatus['upstreams']) =>
      statusProblems({ ...status, workers: [], upstreams }, now);
    assert.deepEqual(problems([{ ...shop, endpoints: [up] }, anywhere]), []);
    const lost = problems([{ ...shop, endpoints: [{ ...down, certificateExpiresAt: null }] }]);
    assert.deepEqual(lost, [
      'upstream shop has no endpoint that is up',
      'shop [2001:db8::1]:443 is down: connection refused',
    ]);
    const soon = problems([
      { ...shop, endpoints: [{ ...up, certificateExpiresAt: '2026-03-02T15:00:00Z' }] },
    ]);
    assert.deepEqual(soon, ['shop 192.0.2.1:443 has a certificate that expires in 1d']);
    assert.equal(
      problems([{ ...shop, endpoints: new Array(30).fill({ ...down, certificateExpiresAt: null }) }]).at(-1),
      'and 21 more',
    );
  });
});
