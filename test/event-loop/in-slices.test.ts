import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { inSlices } from '../../src/event-loop/in-slices.ts';

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
