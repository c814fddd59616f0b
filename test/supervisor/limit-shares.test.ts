import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { pino } from 'pino';

import { checkConfig } from '../../src/config/load.ts';
import type { UpstreamSnapshot } from '../../src/config/snapshot.ts';
import { loadAddon, type SharedMemory } from '../../src/data-plane/load-plane.ts';
import { LimitShares, shareLimits } from '../../src/supervisor/limit-shares.ts';
import { LimitMemory } from '../../src/upstream/limits/limit-memory.ts';
import { SharedCount } from '../../src/upstream/limits/shared-count.ts';

function snapshotWith(maxConnections: Readonly<Record<string, number>>, limits: object = {}) {
  const upstreams = Object.fromEntries(
    Object.entries(maxConnections).map(([name, most]) => [
      name,
      { endpoints: ['127.0.0.1:1'], ...(most > 0 && { maxConnections: most }) },
    ]),
  );
  const listeners = [{ name: 'edge', address: '127.0.0.1:0' }];
  const [first] = Object.keys(upstreams);
  const checked = checkConfig({ workers: 2, listeners, routes: [{ upstream: first }], upstreams, limits });
  assert.ok(checked.ok);
  return checked.snapshot;
}

const named = (maxConnections: Readonly<Record<string, number>>): readonly UpstreamSnapshot[] =>
  snapshotWith(maxConnections).upstreams;

/** Without the addon: memory of this process's own. */
function privateMemory() {
  const opened: ArrayBuffer[] = [];
  const addon: SharedMemory = {
    createSharedMemory: (bytes) => opened.push(new ArrayBuffer(bytes)) - 1,
    mapSharedMemory: (fd) => opened[fd] ?? assert.fail('not opened'),
  };
  return { addon, memory: () => new LimitMemory(opened[0] ?? assert.fail('not opened')) };
}

describe('shares of the limits', () => {
  test('are a row for each process, and the row of one that has gone is the next one’s, with nothing in it', () => {
    const { addon, memory } = privateMemory();
    const shares = LimitShares.open(addon, 2);
    assert.deepEqual([shares.enter(), shares.enter(), shares.enter()], [0, 1, 2]);
    assert.equal(memory().rowsUsed, 3);
    const columns = shares.columnsOf(named({ shop: 5 }));
    const at = columns.get('shop') ?? assert.fail('no column');
    new SharedCount(memory(), at, 1).hold(4);
    shares.leave(1);
    assert.equal(new SharedCount(memory(), at, 0).total, 0);
    assert.deepEqual([shares.enter(), shares.enter()], [1, 3]);
  });

  test('run out, rather than be somebody else’s', () => {
    const shares = LimitShares.open(privateMemory().addon, 1);
    const rows = Array.from({ length: 65 }, () => shares.enter());
    assert.equal(new Set(rows).size, 65);
    assert.equal(rows.at(-1), undefined);
  });

  test('count upstreams with a limit, each in a column that it keeps', () => {
    const shares = LimitShares.open(privateMemory().addon, 1);
    const first = shares.columnsOf(named({ shop: 5, free: 0, mail: 1 }));
    assert.deepEqual([...first.keys()], ['shop', 'mail']);
    assert.equal(new Set(first.values()).size, 2);
    const next = shares.columnsOf(named({ blog: 7, mail: 9, shop: 3 }));
    assert.deepEqual([next.get('shop'), next.get('mail')], [first.get('shop'), first.get('mail')]);
    assert.ok(![...first.values()].includes(next.get('blog') ?? 0));
  });

  test('give the column of a removed upstream to another once it has no connections', () => {
    const { addon, memory } = privateMemory();
    const shares = LimitShares.open(addon, 1);
    const row = shares.enter() ?? assert.fail('no row');
    const at = shares.columnsOf(named({ shop: 5 })).get('shop') ?? assert.fail('no column');
    const busy = new SharedCount(memory(), at, row);
    busy.hold(1);
    const others = named({ blog: 1 });
    shares.columnsOf(others);
    shares.keepOnly(others);
    assert.equal(shares.columnsOf(named({ shop: 5 })).get('shop'), at);
    busy.hold(0);
    shares.keepOnly(others);
    const all = Object.fromEntries(Array.from({ length: memory().columns - 3 }, (_, n) => [`u${n}`, 1]));
    const columns = [...shares.columnsOf(named(all)).values()];
    assert.equal(columns.at(-1), at);
    assert.equal(new Set(columns).size, columns.length);
    assert.equal(shares.columnsOf(named({ late: 1 })).size, 0);
  });

  test('are memory that costs next to nothing until it is used', {
    skip: process.platform === 'linux' ? false : 'needs the addon',
  }, () => {
    const loaded = loadAddon();
    assert.ok(loaded.ok);
    const before = process.memoryUsage.rss();
    const shares = LimitShares.open(loaded.addon, 4);
    const grown = process.memoryUsage.rss() - before;
    shares.close();
    assert.ok(grown < 4 * 1024 * 1024, `${grown} bytes`);
  });

  test('are missed, and it is said, only where there is something to share', () => {
    const lines: string[] = [];
    const log = pino({}, { write: (line: string) => lines.push(line) });
    const failing: SharedMemory = {
      createSharedMemory: () => {
        throw new Error('memfd_create ENOSYS');
      },
      mapSharedMemory: () => assert.fail('nothing to map'),
    };
    assert.equal(shareLimits(undefined, snapshotWith({ shop: 0 }), log), undefined);
    assert.equal(lines.length, 0);
    assert.equal(shareLimits(undefined, snapshotWith({ shop: 2 }), log), undefined);
    assert.equal(shareLimits(failing, snapshotWith({ shop: 0 }, { maxConnections: 9 }), log), undefined);
    assert.match(lines[0] ?? '', /no addon.*limits are divided/);
    assert.match(lines[1] ?? '', /ENOSYS.*limits are divided/);
  });
});
