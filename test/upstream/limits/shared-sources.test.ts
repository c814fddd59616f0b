import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';

import { bucketSize } from '../../../src/upstream/limits/limit-memory.ts';
import { refused, SharedSources, tableFull } from '../../../src/upstream/limits/shared-sources.ts';
import { newMemory } from './memory.ts';

interface Settings {
  readonly maxConnectionsPerSource: number | undefined;
  readonly newConnectionsPerSource: { readonly count: number; readonly perMs: number } | undefined;
}

const atOnce = (maxConnectionsPerSource: number): Settings => ({
  maxConnectionsPerSource,
  newConnectionsPerSource: undefined,
});
const rate = (count: number, perMs: number): Settings => ({
  maxConnectionsPerSource: undefined,
  newConnectionsPerSource: { count, perMs },
});

/** One for each process, on one table. */
function tables(settings: Settings, { processes = 2, sources = 64 } = {}) {
  const memory = newMemory(processes, { sources });
  const each = Array.from({ length: processes }, (_, row) => {
    const table = new SharedSources(memory, row, 0);
    table.configure(settings);
    return table;
  });
  const [a, b] = each;
  assert.ok(a && b);
  return { memory, each, a, b };
}

/** How many of so many attempts, by turns, are let in. */
function letIn(each: readonly SharedSources[], attempts: number, address: string, nowMs = 0): number {
  let count = 0;
  for (let turn = 0; turn < attempts; turn++)
    if ((each[turn % each.length]?.accept(address, nowMs) ?? refused) >= 0) count += 1;
  return count;
}

describe('sources in memory that processes share', () => {
  test('have as many connections over all processes as they may', () => {
    const { a, b } = tables(atOnce(2));
    const first = a.accept('192.0.2.1', 0);
    assert.ok(first >= 0);
    assert.ok(b.accept('192.0.2.1', 0) >= 0);
    assert.deepEqual([a.accept('192.0.2.1', 0), b.accept('192.0.2.1', 0)], [refused, refused]);
    assert.ok(b.accept('192.0.2.2', 0) >= 0);
    a.ended(first);
    assert.ok(b.accept('192.0.2.1', 0) >= 0);
    assert.equal(a.accept('192.0.2.1', 0), refused);
  });

  test('are IPv6 networks of 64 bits', () => {
    const { a, b } = tables(atOnce(1));
    assert.ok(a.accept('2001:db8:1:2::a', 0) >= 0);
    assert.equal(b.accept('2001:db8:1:2:ffff::b', 0), refused);
    assert.ok(b.accept('2001:db8:1:3::a', 0) >= 0);
  });

  test('have a burst of new connections over all processes, and then one for each token', () => {
    const { each } = tables(rate(5, 1000), { processes: 3 });
    assert.equal(letIn(each, 30, '192.0.2.1'), 5);
    assert.equal(letIn(each, 30, '192.0.2.1', 199), 0);
    assert.equal(letIn(each, 30, '192.0.2.1', 200), 1);
    assert.equal(letIn(each, 30, '192.0.2.1', 1000), 4);
    assert.equal(letIn(each, 30, '192.0.2.1', 60_000), 5);
  });

  test('have their whole burst whatever the number', () => {
    for (const count of [1, 3, 7, 13, 999, 100_000]) {
      const { each } = tables(rate(count, 1000));
      assert.equal(letIn(each, count + 10, '192.0.2.1', 123.456), count);
    }
  });

  test('use no token up for a connection too many, and no connection for a token too few', () => {
    const { a, b } = tables({
      maxConnectionsPerSource: 1,
      newConnectionsPerSource: { count: 2, perMs: 1000 },
    });
    const first = a.accept('192.0.2.1', 0);
    assert.equal(letIn([a, b], 10, '192.0.2.1'), 0);
    a.ended(first);
    const second = b.accept('192.0.2.1', 0);
    assert.ok(second >= 0);
    b.ended(second);
    assert.equal(letIn([a, b], 10, '192.0.2.1'), 0);
    assert.equal(letIn([a, b], 10, '192.0.2.1', 500), 1);
  });

  test('keep what they have when the limits change', () => {
    const { each, a } = tables(atOnce(1));
    a.accept('192.0.2.1', 0);
    for (const table of each) table.configure(atOnce(3));
    assert.equal(letIn(each, 10, '192.0.2.1'), 2);
    for (const table of each) table.configure(rate(2, 60_000));
    assert.equal(letIn(each, 10, '192.0.2.1'), 2);
    // A bucket that takes less time to fill is not empty for longer than that.
    for (const table of each) table.configure(rate(2, 1000));
    assert.equal(letIn(each, 10, '192.0.2.1', 0), 0);
    assert.equal(letIn(each, 10, '192.0.2.1', 60_000), 2);
  });

  test('lose the connections of a process that has gone, and no tokens', () => {
    const { memory, a, b } = tables(atOnce(2));
    a.accept('192.0.2.1', 0);
    a.accept('192.0.2.1', 0);
    assert.equal(b.accept('192.0.2.1', 0), refused);
    memory.clearRow(0, 0);
    assert.ok(b.accept('192.0.2.1', 0) >= 0);
  });

  test('take an entry that was nobody’s without the lock', () => {
    const { memory, a, b } = tables(atOnce(2), { sources: bucketSize });
    memory.locks.fill(1);
    const entries = Array.from({ length: bucketSize }, (_, n) => a.accept(`192.0.2.${n}`, 0));
    assert.deepEqual(entries, [...entries.keys()]);
    assert.equal(b.accept('192.0.2.3', 0), entries[3]);
  });

  test('are put in again where a process has died with the lock', () => {
    const { memory, a, b } = tables(atOnce(2), { sources: bucketSize });
    for (let n = 0; n < bucketSize; n++) a.ended(a.accept(`192.0.2.${n}`, 0));
    memory.locks.fill(1);
    assert.equal(b.accept('198.51.100.1', 0), tableFull);
    b.configure(atOnce(2));
    memory.clearRow(0, 0);
    assert.ok(b.accept('198.51.100.1', 0) >= 0);
    assert.ok(memory.locks.every((lock) => lock === 0));
  });

  test('find no room where others fill the table with connections, and room as these end', () => {
    const { a, b } = tables(atOnce(9), { sources: bucketSize });
    const entries = Array.from({ length: bucketSize }, (_, n) => a.accept(`192.0.2.${n}`, 0));
    assert.ok(entries.every((entry) => entry >= 0));
    assert.equal(new Set(entries).size, bucketSize);
    assert.equal(b.accept('198.51.100.1', 0), tableFull);
    a.ended(entries[3] ?? 0);
    assert.equal(b.accept('198.51.100.1', 0), entries[3]);
    // The one that went has none of what the newcomer has.
    b.ended(entries[3] ?? 0);
    assert.equal(a.accept('192.0.2.3', 0), entries[3]);
  });

  test('make room by who has no connection and his tokens back soonest', () => {
    const { a, b } = tables(rate(2, 1000), { sources: bucketSize });
    for (let n = 0; n < bucketSize; n++) a.ended(a.accept(`192.0.2.${n}`, n * 10));
    const entry = b.accept('198.51.100.1', 100);
    assert.ok(entry >= 0);
    assert.equal(letIn([a], 3, '192.0.2.7', 100), 1);
    b.ended(entry);
    // The first has come back with a whole burst.
    assert.equal(letIn([a], 3, '192.0.2.0', 100), 2);
  });

  test('take no more memory in a flood of them', () => {
    const { memory, a } = tables(rate(5, 60_000), { sources: 64 });
    for (let n = 0; n < 20_000; n++) {
      const entry = a.accept(`2001:db8:${(n >> 8).toString(16)}:${(n & 255).toString(16)}::1`, 0);
      if (entry >= 0) a.ended(entry);
    }
    assert.ok(memory.connections.every((count) => count === 0));
    assert.ok(memory.tags.every((tag) => tag !== 0));
  });

  test('have what a plain model gives them', () => {
    const addresses = ['192.0.2.1', '192.0.2.2', '2001:db8::1', '2001:db8:0:0:9::', '2001:db8:0:1::'];
    const sourceOf = ['a', 'b', 'c', 'c', 'd'];
    const step = fc.record({
      row: fc.nat(2),
      who: fc.nat(addresses.length - 1),
      kind: fc.constantFrom('accept', 'accept', 'end', 'die'),
      afterMs: fc.nat(400),
    });
    const settings = { maxConnectionsPerSource: 3, newConnectionsPerSource: { count: 4, perMs: 1000 } };
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const { memory, each } = tables(settings, { processes: 3, sources: 512 });
        const live: { row: number; source: string; entry: number }[] = [];
        const tokens = new Map<string, { left: number; atMs: number }>();
        let nowMs = 0;
        for (const { row, who, kind, afterMs } of steps) {
          nowMs += afterMs;
          const source = sourceOf[who] ?? '';
          if (kind === 'accept') {
            const bucket = tokens.get(source) ?? { left: 4, atMs: nowMs };
            bucket.left = Math.min(4, bucket.left + (nowMs - bucket.atMs) / 250);
            bucket.atMs = nowMs;
            const may = live.filter((each) => each.source === source).length < 3 && bucket.left >= 1;
            const entry = each[row]?.accept(addresses[who] ?? '', nowMs) ?? tableFull;
            assert.equal(entry >= 0, may, `${source} at ${nowMs}`);
            if (!may) continue;
            bucket.left -= 1;
            tokens.set(source, bucket);
            live.push({ row, source, entry });
          } else if (kind === 'end') {
            const at = live.findIndex((each) => each.row === row);
            const [ended] = at < 0 ? [] : live.splice(at, 1);
            if (ended) each[row]?.ended(ended.entry);
          } else {
            memory.clearRow(row, 0);
            for (let at = live.length - 1; at >= 0; at--) if (live[at]?.row === row) live.splice(at, 1);
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
