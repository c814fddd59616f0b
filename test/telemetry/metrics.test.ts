import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { outcomes } from '../../src/data-plane/outcome.ts';
import { atOnce } from '../../src/event-loop/in-slices.ts';
import { ConnectionMetrics } from '../../src/telemetry/connection-metrics.ts';
import type { ConnectionSummary } from '../../src/telemetry/connection-summary.ts';
import {
  addCounters,
  type Counters,
  connectionDurationBounds,
  counterData,
  newSums,
} from '../../src/telemetry/counters.ts';
import { observe } from '../../src/telemetry/histogram.ts';
import { families, type MetricFamily } from '../../src/telemetry/metric-families.ts';
import { renderMetrics } from '../../src/telemetry/render-metrics.ts';
import { Tally } from '../../src/telemetry/tally.ts';
import { TallySum } from '../../src/telemetry/tally-sum.ts';
import { parseMetrics, samplesOf } from '../admin/admin-requests.ts';

const summary = (parts: Partial<ConnectionSummary> = {}): ConnectionSummary => ({
  id: '',
  listener: 'edge',
  client: { address: '192.0.2.1', port: 1, family: 4 },
  serverName: undefined,
  profile: undefined,
  route: 'shop',
  upstream: 'shop',
  endpoint: undefined,
  bytesCounted: undefined,
  ending: {
    outcome: 'ok',
    bytesUp: 100,
    bytesDown: 200,
    helloMs: 2,
    connectMs: 3,
    endedFirst: 'client',
    durationMs: 1500,
    attempts: 1,
  },
  ...parts,
});

const render = async (counters: Counters, wanted?: ReadonlySet<string>) => {
  const sums = newSums();
  atOnce(addCounters(sums, atOnce(counterData(counters))));
  const metrics = {
    counters: sums,
    liveByListener: new Map([['former', 7]]),
    liveByEndpoint: new Map([['shop', new Map([['192.0.2.1:443', 6]])]]),
    listeners: ['edge'],
    endpoints: [],
    reloads: { success: 0, failure: 0 },
    configHash: 'abc',
    plane: 'portable',
    workerRestarts: 0,
  } as const;
  return Buffer.concat(await renderMetrics(metrics, wanted)).toString();
};

const numbersOf = ({ labels, values, width }: TallySum) =>
  labels.map((text, i) => [text, [...values.subarray(i * width, (i + 1) * width)]]);

describe('a tally', () => {
  test('keeps a row for each combination of labels', () => {
    const tally = new Tally(['x', 'y'], 2);
    tally.row('a', 'b')[1] = 1;
    tally.row('a', 'c')[0] = 2;
    tally.row('a')[0] = 3;
    tally.row('a', 'b')[1] = 4;
    const sum = new TallySum(2);
    atOnce(sum.add(atOnce(tally.toData())));
    assert.deepEqual(numbersOf(sum), [
      ['x="a",y="b"', [0, 4]],
      ['x="a",y="c"', [2, 0]],
      ['x="a",y=""', [3, 0]],
    ]);
  });

  test('adds up what crossed a process boundary', () => {
    const one = new Tally(['x'], 2);
    one.row('a')[0] = 1;
    const other = new Tally(['x'], 2);
    other.row('two\nlines')[1] = 5;
    other.row('a')[0] = 2;
    const sum = new TallySum(2);
    for (const each of [one, other]) atOnce(sum.add(structuredClone(atOnce(each.toData()))));
    assert.deepEqual(numbersOf(sum), [
      ['x="a"', [3, 0]],
      ['x="two\\nlines"', [0, 5]],
    ]);
  });

  test('tells rows that come while it is read with the next data', () => {
    const tally = new Tally(['x'], 1);
    for (let i = 0; i < 250; i++) tally.row(`row-${i}`)[0] = i;
    const reading = tally.toData();
    reading.next();
    for (let i = 250; i < 400; i++) tally.row(`row-${i}`)[0] = i;
    for (const [data, count] of [
      [atOnce(reading), 250],
      [atOnce(tally.toData()), 400],
    ] as const) {
      const sum = new TallySum(1);
      atOnce(sum.add(data));
      const expected = Array.from({ length: count }, (_, i) => [`x="row-${i}"`, [i]]);
      assert.deepEqual(numbersOf(sum), expected);
    }
  });

  test('of many rows keeps in its sum what lasts', () => {
    const tally = new Tally(['x'], 2);
    for (let i = 0; i < 1_000; i++) tally.row(`row-${i}`)[1] = i;
    const data = atOnce(tally.toData());
    const sum = new TallySum(2);
    sum.addLasting(data);
    for (const times of [2, 2, 1]) {
      sum.reset();
      for (let i = 1; i < times; i++) atOnce(sum.add(data));
      const expected = Array.from({ length: 1_000 }, (_, i) => [`x="row-${i}"`, [0, i * times]]);
      assert.deepEqual(numbersOf(sum), expected);
    }
  });
});

test('a histogram counts a value in the bucket whose bound it does not pass', () => {
  const row = [0, 0, 0, 0, 0];
  for (const value of [0.5, 1, 1.5, 10, 11]) observe(row, [1, 2, 10], value);
  assert.deepEqual([...row], [2, 1, 1, 1, 24]);
});

describe('the counts of connections', () => {
  test('count bytes of a live connection once', () => {
    const metrics = new ConnectionMetrics();
    const counted = metrics.progressed('shop', { up: 60, down: 50 }, undefined);
    const again = metrics.progressed('shop', { up: 90, down: 150 }, counted);
    assert.deepEqual([...metrics.counters.bytes.row('shop')], [90, 150]);
    metrics.ended(summary({ bytesCounted: again }));
    assert.deepEqual([...metrics.counters.bytes.row('shop')], [100, 200]);
  });

  test('know every outcome', async () => {
    const metrics = new ConnectionMetrics();
    const { ending } = summary();
    for (const outcome of outcomes) metrics.ended(summary({ ending: { ...ending, outcome } }));
    const shown = samplesOf(parseMetrics(await render(metrics.counters)), 'sluice_connections_total');
    assert.deepEqual(
      Object.keys(shown),
      outcomes.map((outcome) => `listener="edge",route="shop",outcome="${outcome}"`),
    );
  });

  test('drop the names of endpoints where there are too many', () => {
    const metrics = new ConnectionMetrics();
    for (let i = 0; i < 12_000; i++) metrics.dialFailed('shop', `endpoint-${i}`, 'ECONNREFUSED');
    assert.equal(metrics.counters.connectFailures.rowCount, 10_001);
    assert.equal(metrics.counters.connectFailures.row('shop', '', 'ECONNREFUSED')[0], 2_000);
  });
});

describe('the exposition', () => {
  test('cumulates buckets and leaves out what has no labels', async () => {
    const metrics = new ConnectionMetrics();
    metrics.helloRead(0b1000, 300);
    metrics.helloRead(0b1010, 1800);
    metrics.helloRead(0, 100_000);
    const shown = parseMetrics(await render(metrics.counters));
    assert.deepEqual(
      Object.values(samplesOf(shown, 'sluice_hello_bytes_bucket')),
      [0, 1, 1, 1, 2, 2, 2, 2, 3],
    );
    assert.equal(shown.get('sluice_hello_bytes_sum'), 102_100);
    assert.equal(shown.get('sluice_hello_features_total{feature="tls13"}'), 2);
    assert.equal(shown.get('sluice_hello_features_total{feature="post_quantum"}'), 1);
  });

  test('escapes label values', async () => {
    const metrics = new ConnectionMetrics();
    metrics.ended(summary({ route: 'a"b\\c\nd' }));
    assert.match(await render(metrics.counters), /route="a\\"b\\\\c\\nd",outcome="ok"\} 1\n/);
  });

  test('is lines of a help, a type and samples', async () => {
    const metrics = new ConnectionMetrics();
    for (const outcome of ['ok', 'ok', 'no_route'] as const)
      metrics.ended(summary({ ending: { ...summary().ending, outcome } }));
    const shown = async ({ name, help, type }: MetricFamily, ...samples: string[]) => {
      const expected = [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...samples].join('\n');
      assert.equal(await render(metrics.counters, new Set([name])), `${expected}\n`);
    };
    await shown(
      families.connections,
      'sluice_connections_total{listener="edge",route="shop",outcome="ok"} 2',
      'sluice_connections_total{listener="edge",route="shop",outcome="no_route"} 1',
    );
    await shown(families.rejected, 'sluice_rejected_total{listener="edge",reason="no_route"} 1');
    await shown(
      families.connectionsActive,
      'sluice_connections_active{listener="edge"} 0',
      'sluice_connections_active{listener="former"} 7',
    );
    await shown(
      families.endpointConnections,
      'sluice_endpoint_connections_active{upstream="shop",endpoint="192.0.2.1:443"} 6',
    );
    await shown(
      families.connectionDuration,
      ...[0, 0, 3, 3, 3, 3].map(
        (count, i) =>
          `sluice_connection_duration_seconds_bucket{route="shop",le="${connectionDurationBounds[i]}"} ${count}`,
      ),
      'sluice_connection_duration_seconds_bucket{route="shop",le="+Inf"} 3',
      'sluice_connection_duration_seconds_sum{route="shop"} 4.5',
      'sluice_connection_duration_seconds_count{route="shop"} 3',
    );
    assert.equal(await render(metrics.counters, new Set(['unknown'])), '');
  });

  test('shows every metric with its help and type, each in one block', async () => {
    const lines = (await render(new ConnectionMetrics().counters)).split('\n');
    const types = lines.filter((line) => line.startsWith('# TYPE '));
    const expected = Object.values(families).map(({ name, type }) => `# TYPE ${name} ${type}`);
    assert.deepEqual(types.toSorted(), expected.toSorted());
  });
});
