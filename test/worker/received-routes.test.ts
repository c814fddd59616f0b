import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { inSlices } from '../../src/worker/in-slices.ts';
import { ReceivedRoutes } from '../../src/worker/received-routes.ts';

const part = (offset: number, ...bytes: number[]) => ({
  offset,
  totalBytes: 3,
  bytes: Uint8Array.from(bytes),
});

describe('routes that come in parts', () => {
  it('are whole after the last, and handed out once', () => {
    const received = new ReceivedRoutes();
    received.add(part(0, 1, 2));
    received.add(part(2, 3));
    assert.deepEqual(received.take(), { bytes: Uint8Array.from([1, 2, 3]) });
    assert.throws(() => received.take(), /not all come/);
  });

  it('are not handed out while a part is missing', () => {
    const received = new ReceivedRoutes();
    received.add(part(0, 1, 2));
    assert.throws(() => received.take(), /not all come/);
  });

  it('begin anew with a first part', () => {
    const received = new ReceivedRoutes();
    received.add(part(0, 9, 9));
    received.add(part(0, 1, 2));
    received.add(part(2, 3));
    assert.deepEqual(received.take(), { bytes: Uint8Array.from([1, 2, 3]) });
  });
});

describe('work in slices', () => {
  it('gives others their turns while it lasts', async () => {
    let turns = 0;
    const ticking = setInterval(() => turns++, 0);
    const seen: number[] = [];
    function* work(): Generator<void> {
      const end = performance.now() + 200;
      while (performance.now() < end) yield;
      seen.push(turns);
    }
    await inSlices(work());
    clearInterval(ticking);
    assert.ok((seen[0] ?? 0) > 0, `${seen[0]} turns`);
  });
});
