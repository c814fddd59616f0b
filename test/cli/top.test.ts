import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { parseMetrics } from '../../src/cli/metrics-text.ts';
import { readCounts } from '../../src/cli/top-counts.ts';
import { type TopView, topFrame } from '../../src/cli/top-frame.ts';
import { ratesBetween } from '../../src/cli/top-rates.ts';

const view: TopView = {
  admin: 'http://127.0.0.1:9901',
  sort: 'connections',
  skipped: 0,
  columns: 100,
  lines: undefined,
  isStyled: false,
  problem: undefined,
  time: '12:00:01',
};

const before = `
sluice_connections_total{listener="edge",route="shop",outcome="ok"} 100
sluice_connections_total{listener="edge",route="",outcome="no_route"} 7
sluice_bytes_total{route="shop",direction="up"} 1000
sluice_bytes_total{route="shop",direction="down"} 0
sluice_connect_failures_total{upstream="shop",endpoint="192.0.2.1:443",reason="ECONNREFUSED"} 3
`;
const after = `
# HELP sluice_connections_total Accepted connections that have ended.
sluice_connections_total{listener="edge",route="shop",outcome="ok"} 300
sluice_connections_total{listener="inner",route="shop",outcome="upstream_reset"} 10
sluice_connections_total{listener="edge",route="mail",outcome="ok"} 2
sluice_connections_total{listener="edge",route="",outcome="no_route"} 27
sluice_connections_active{listener="edge"} 1234
sluice_rejected_total{listener="edge",reason="no_route"} 20
sluice_bytes_total{route="shop",direction="up"} 3048
sluice_bytes_total{route="shop",direction="down"} 314572800
sluice_connect_failures_total{upstream="shop",endpoint="192.0.2.1:443",reason="ECONNREFUSED"} 13
sluice_endpoint_up{upstream="shop",endpoint="192.0.2.1:443"} 0
sluice_endpoint_up{upstream="shop",endpoint="192.0.2.2:443"} 1
sluice_endpoint_connections_active{upstream="shop",endpoint="192.0.2.2:443"} 1234
sluice_data_plane_info{plane="native"} 1
sluice_worker_restarts_total 2
`;
const rates = ratesBetween(readCounts(before, 1000), readCounts(after, 3000));

describe('a frame of sluice top', () => {
  test('shows the rates of two seconds by the second', () => {
    assert.deepEqual(topFrame(rates, view), [
      'Sluice at http://127.0.0.1:9901   12:00:01   native data plane   2 worker restarts',
      'Active 1,234   ended 116/s   up 1.0 KiB/s   down 150 MiB/s   3 routes in use, by connections',
      'Refused 10/s: no_route 10/s',
      '',
      'ROUTE   CONN/S▼     UP/S   DOWN/S  REFUSED/S  RESET/S',
      'shop        105  1.0 KiB  150 MiB          0      5.0',
      '(none)       10      0 B      0 B         10        0',
      'mail        1.0      0 B      0 B          0        0',
      '',
      'UPSTREAM  ENDPOINT       STATE   ACTIVE  FAILED/S',
      'shop      192.0.2.1:443  NOT UP       0       5.0',
      'shop      192.0.2.2:443  up       1,234         0',
    ]);
  });

  test('sorts routes, equal ones by name', () => {
    const names = (sort: TopView['sort']) =>
      topFrame(rates, { ...view, sort })
        .slice(5, 8)
        .map((line) => line.split(' ')[0]);
    assert.deepEqual(names('errors'), ['(none)', 'shop', 'mail']);
    assert.deepEqual(names('bytes'), ['shop', '(none)', 'mail']);
    assert.deepEqual(names('name'), ['(none)', 'mail', 'shop']);
  });

  test('fills a terminal of any size and never more', () => {
    for (const columns of [1, 5, 20, 40, 80, 200]) {
      for (const lines of [1, 2, 5, 10, 24, 60]) {
        const frame = topFrame(rates, { ...view, columns, lines });
        assert.equal(frame.length, lines, `${columns}x${lines}`);
        for (const line of frame) assert.ok(line.length <= columns, `${columns}x${lines}: ${line}`);
      }
    }
  });

  test('scrolls through routes, and says where it is', () => {
    const routes = Array.from({ length: 100 }, (_, i) => ({
      name: `r${String(i).padStart(2, '0')}`,
      connections: 0,
      bytesUp: 0,
      bytesDown: 0,
      refused: 0,
      reset: 0,
    }));
    const frame = topFrame({ ...rates, routes }, { ...view, lines: 20, skipped: 40 });
    assert.equal(frame[5]?.split(' ')[0], 'r40');
    assert.match(frame.at(-1) ?? '', /^41–50 of 100 {3}q quit/);
  });

  test('says why what it shows is old', () => {
    const frame = topFrame(rates, { ...view, problem: 'connect ECONNREFUSED' });
    assert.equal(frame[3], 'No answer: connect ECONNREFUSED');
  });

  test('lets no name steer the terminal', () => {
    const [route] = rates.routes;
    assert.ok(route !== undefined);
    const frame = topFrame({ ...rates, routes: [{ ...route, name: 'a\x1b[2Jb' }] }, view);
    assert.equal(frame[5]?.split(' ')[0], 'a?[2Jb');
  });
});

test('rates of a proxy that was started anew count from zero', () => {
  const { total } = ratesBetween(readCounts(after, 1000), readCounts(before, 2000));
  assert.equal(total.connections, 107);
});

test('samples of metrics are read with their labels unescaped', () => {
  const text = '# TYPE a counter\na{x="1,\\"2\\"",y="\\\\n\\n"} 1.5e3\nb 2\n\n';
  assert.deepEqual(
    [...parseMetrics(text)].map(({ name, labels, value }) => [name, [...labels], value]),
    [
      [
        'a',
        [
          ['x', '1,"2"'],
          ['y', '\\n\n'],
        ],
        1500,
      ],
      ['b', [], 2],
    ],
  );
});
