import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { atOnce } from '../../src/event-loop/in-slices.ts';
import { MetricsBook, type MetricsTotal } from '../../src/supervisor/metrics-book.ts';
import { counterData, newCounters } from '../../src/telemetry/counters.ts';
import type { MetricsReport } from '../../src/telemetry/metrics-report.ts';

/** Of a worker that has sent this many bytes up for each of the routes, in this order, and has as many connections. */
function reportOf(bytes: Readonly<Record<string, number>>, live: number): MetricsReport {
  const counters = newCounters();
  for (const [route, up] of Object.entries(bytes)) counters.bytes.row(route)[0] = up;
  return {
    counters: atOnce(counterData(counters)),
    liveByListener: new Map([['edge', live]]),
    liveByEndpoint: new Map([['shop', new Map([['192.0.2.1:443', live]])]]),
  };
}

const bytesUp = async ({ counters: { bytes }, liveByListener, liveByEndpoint }: MetricsTotal) => {
  const live = liveByListener.get('edge');
  assert.equal(liveByEndpoint.get('shop')?.get('192.0.2.1:443'), live);
  const rows = bytes.labels.map((labels, i) => [/"(.*)"/.exec(labels)?.[1], bytes.values[i * bytes.width]]);
  return { live, ...Object.fromEntries(rows) };
};

/** More than one step of a tally. */
const routes = Array.from({ length: 250 }, (_, i) => `route-${i}`);

describe('the metrics of all workers', () => {
  test('are the sum of what each said last, however often they are read', async () => {
    const book = new MetricsBook();
    const [first, second] = [{}, {}];
    book.note(first, reportOf({ a: 1, b: 2 }, 1));
    book.note(second, reportOf({ b: 10, c: 20 }, 2));
    for (let i = 0; i < 3; i++) assert.deepEqual(await book.read(bytesUp), { live: 3, a: 1, b: 12, c: 20 });
    book.note(first, reportOf({ a: 1, b: 3, d: 4 }, 0));
    assert.deepEqual(await book.read(bytesUp), { live: 2, a: 1, b: 13, c: 20, d: 4 });
  });

  test('are the sum for many routes that workers met in different orders', async () => {
    const book = new MetricsBook();
    const [first, second] = [{}, {}];
    for (let round = 1; round <= 3; round++) {
      book.note(first, reportOf(Object.fromEntries(routes.map((route, i) => [route, i * round])), 1));
      book.note(second, reportOf(Object.fromEntries(routes.toReversed().map((route) => [route, 1000])), 1));
      const sum = await book.read(bytesUp);
      assert.deepEqual(sum, {
        live: 2,
        ...Object.fromEntries(routes.map((route, i) => [route, i * round + 1000])),
      });
    }
  });

  test('keep what a worker said that has gone, and forget its connections', async () => {
    const book = new MetricsBook();
    const gone = {};
    book.note(gone, reportOf({ a: 5 }, 7));
    book.close(gone);
    book.note({}, reportOf({ a: 1 }, 2));
    for (let i = 0; i < 2; i++) assert.deepEqual(await book.read(bytesUp), { live: 2, a: 6 });
  });

  test('hold for whoever reads them until he is done, one at a time', async () => {
    const book = new MetricsBook();
    const worker = {};
    book.note(worker, reportOf({ a: 1 }, 1));
    const reading = new EventEmitter();
    const slow = book.read(async (total) => {
      reading.emit('begun');
      await once(reading, 'over');
      return bytesUp(total);
    });
    await once(reading, 'begun');
    book.note(worker, reportOf({ a: 100 }, 2));
    const next = book.read(bytesUp);
    await nextTurn();
    reading.emit('over');
    assert.deepEqual(await slow, { live: 1, a: 1 });
    assert.deepEqual(await next, { live: 2, a: 100 });
  });

  test('can be read after one who could not go on', async () => {
    const book = new MetricsBook();
    book.note({}, reportOf({ a: 1 }, 1));
    await assert.rejects(
      book.read(() => Promise.reject(new Error('no'))),
      /no/,
    );
    assert.deepEqual(await book.read(bytesUp), { live: 1, a: 1 });
  });
});
