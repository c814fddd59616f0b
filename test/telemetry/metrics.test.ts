import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { outcomes } from '../../src/data-plane/outcome.ts';
import { atOnce } from '../../src/event-loop/in-slices.ts';
import { ConnectionMetrics } from '../../src/telemetry/connection-metrics.ts';
import type { ConnectionSummary } from '../../src/telemetry/connection-summary.ts';
import type { Counters } from '../../src/telemetry/counters.ts';
import { observe } from '../../src/telemetry/histogram.ts';
import { families } from '../../src/telemetry/metric-families.ts';
import { renderMetrics } from '../../src/telemetry/render-metrics.ts';
import { Tally } from '../../src/telemetry/tally.ts';
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

const render = async (counters: Counters) => {
  const text = await renderMetrics({
    counters,
    liveByListener: new Tally(1),
    liveByEndpoint: new Tally(1),
    listeners: ['edge'],
    endpoints: [],
    reloads: { success: 0, failure: 0 },
    configHash: 'abc',
    plane: 'portable',
    workerRestarts: 0,
  });
  return Buffer.concat(text).toString();
};

describe('a tally', () => {
  test('keeps a row for each combination of labels', () => {
    const tally = new Tally(2);
    tally.row('a', 'b')[1] = 1;
    tally.row('a', 'c')[0] = 2;
    tally.row('a')[0] = 3;
    tally.row('a', 'b')[1] = 4;
    assert.deepEqual(
      tally.rows.map(({ labels, row }) => [labels, [...row]]),
      [
        [
          ['a', 'b'],
          [0, 4],
        ],
        [
          ['a', 'c'],
          [2, 0],
        ],
        [['a'], [3, 0]],
      ],
    );
  });

  test('adds up what crossed a process boundary', () => {
    const total = new Tally(2);
    const one = new Tally(2);
    one.row('a')[0] = 1;
    const other = new Tally(2);
    other.row('b')[1] = 5;
    other.row('a')[0] = 2;
    for (const each of [one, other]) atOnce(total.add(structuredClone(atOnce(each.toData()))));
    assert.deepEqual(
      total.rows.map(({ labels, row }) => [labels, [...row]]),
      [
        [['a'], [3, 0]],
        [['b'], [0, 5]],
      ],
    );
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
    const rows = metrics.counters.connectFailures.rows;
    assert.equal(rows.length, 10_001);
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

  test('shows every metric with its help and type, each in one block', async () => {
    const lines = (await render(new ConnectionMetrics().counters)).split('\n');
    const types = lines.filter((line) => line.startsWith('# TYPE '));
    const expected = Object.values(families).map(({ name, type }) => `# TYPE ${name} ${type}`);
    assert.deepEqual(types.toSorted(), expected.toSorted());
  });
});
