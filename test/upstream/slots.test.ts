import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Slots } from '../../src/upstream/slots.ts';

describe('slots', () => {
  it('let so many run at once and the others follow in the order they came', async () => {
    const slots = new Slots(2);
    const started: number[] = [];
    const ends: (() => void)[] = [];
    const works = [0, 1, 2, 3].map((work) =>
      slots.run(() => {
        started.push(work);
        return new Promise<void>((end) => ends.push(end));
      }),
    );
    assert.deepEqual(started, [0, 1]);
    ends[1]?.();
    await works[1];
    await Promise.resolve();
    assert.deepEqual(started, [0, 1, 2]);
    ends[0]?.();
    ends[2]?.();
    await Promise.all([works[0], works[2]]);
    await Promise.resolve();
    assert.deepEqual(started, [0, 1, 2, 3]);
    ends[3]?.();
    await works[3];
  });

  it('are free again after work that fails', async () => {
    const slots = new Slots(1);
    await assert.rejects(slots.run(() => Promise.reject(new Error('no'))));
    assert.equal(await slots.run(() => Promise.resolve('ran')), 'ran');
  });
});
