import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';

import { column, LimitMemory } from '../../../src/upstream/limits/limit-memory.ts';
import { SharedCount } from '../../../src/upstream/limits/shared-count.ts';
import { newMemory } from './memory.ts';

const processes = 4;

describe('a count that processes share', () => {
  test('is held up to the limit by all of them together', () => {
    const memory = newMemory(2);
    const [a, b] = [new SharedCount(memory, 3, 0), new SharedCount(memory, 3, 1)];
    assert.deepEqual([a.tryHold(1, 3), b.tryHold(1, 3), a.tryHold(2, 3)], [true, true, true]);
    assert.deepEqual([a.tryHold(3, 3), b.tryHold(2, 3)], [false, false]);
    assert.equal(a.total, 3);
    a.hold(1);
    assert.equal(b.tryHold(2, 3), true);
  });

  test('is apart from other columns', () => {
    const memory = newMemory(2);
    new SharedCount(memory, 2, 1).hold(9);
    new SharedCount(memory, 4, 0).hold(9);
    assert.equal(new SharedCount(memory, 3, 0).total, 0);
  });

  test('is without what a process held that has gone', () => {
    const memory = newMemory(2);
    const [a, b] = [new SharedCount(memory, 3, 0), new SharedCount(memory, 3, 1)];
    a.hold(5);
    b.hold(2);
    memory.clearRow(0, 8);
    assert.equal(b.total, 2);
  });

  test('sums the rows that have been in use', () => {
    const layout = { processes: 8, columns: 4, sources: 8 };
    const memory = LimitMemory.initialize(new SharedArrayBuffer(LimitMemory.sizeOf(layout)), layout, [1, 2]);
    memory.useRow(1);
    assert.equal(memory.rowsUsed, 2);
    memory.useRow(0);
    assert.equal(memory.rowsUsed, 2);
    new SharedCount(memory, column.firstUpstream, 1).hold(4);
    assert.equal(new SharedCount(memory, column.firstUpstream, 0).total, 4);
  });

  test('is the same to whoever maps the memory', () => {
    const memory = newMemory(2);
    const again = new LimitMemory(memory.counts.buffer);
    assert.deepEqual(
      [again.processes, again.columns, again.sources, again.rowsUsed],
      [memory.processes, memory.columns, memory.sources, memory.rowsUsed],
    );
    new SharedCount(memory, 7, 1).hold(3);
    assert.equal(new SharedCount(again, 7, 0).total, 3);
  });

  test('does what one plain number would', () => {
    const step = fc.record({
      row: fc.nat(processes - 1),
      kind: fc.constantFrom('take', 'give', 'die'),
      limit: fc.integer({ min: 0, max: 6 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const memory = newMemory(processes);
        const counts = Array.from({ length: processes }, (_, row) => new SharedCount(memory, 2, row));
        const held = Array<number>(processes).fill(0);
        const total = () => held.reduce((sum, each) => sum + each, 0);
        for (const { row, kind, limit } of steps) {
          const own = held[row] ?? 0;
          if (kind === 'take') {
            const mayTake = total() < limit;
            assert.equal(counts[row]?.tryHold(own + 1, limit), mayTake);
            if (mayTake) held[row] = own + 1;
          } else if (kind === 'give') {
            held[row] = Math.max(own - 1, 0);
            counts[row]?.hold(held[row] ?? 0);
          } else {
            memory.clearRow(row, 8);
            held[row] = 0;
          }
          assert.equal(counts[0]?.total, total());
        }
      }),
    );
  });
});
