import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { validate, version } from 'uuid';
import { newConnectionId } from '../../src/worker/connection-id.ts';

describe('the ids of connections', () => {
  const ids = Array.from({ length: 5_000 }, newConnectionId);

  test('are UUIDs of version 7', () => {
    assert.ok(ids.every((id) => validate(id) && version(id) === 7));
  });

  test('are all different, and in the order they were made', () => {
    assert.equal(new Set(ids).size, ids.length);
    assert.deepEqual(ids, ids.toSorted());
  });

  test('differ in what is random, not in their counts alone', () => {
    assert.equal(new Set(ids.map((id) => id.slice(-10))).size, ids.length);
  });

  test('go on where they were when the clock is set back', (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() - 60_000 });
    const [last = ''] = ids.slice(-1);
    assert.ok(newConnectionId() > last);
  });
});
