import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { RestartBackoff } from '../../src/supervisor/restart-backoff.ts';

describe('restart back-off', () => {
  test('replaces at once after the first death, then waits twice as long each time', () => {
    const backoff = new RestartBackoff();
    const delays = Array.from({ length: 5 }, () => backoff.delayAfterDeath(50));
    assert.deepEqual(delays, [0, 100, 200, 400, 800]);
    assert.equal(backoff.quickDeaths, 5);
  });

  test('never waits longer than 10 s', () => {
    const backoff = new RestartBackoff();
    for (let death = 0; death < 2_000; death++) backoff.delayAfterDeath(50);
    assert.equal(backoff.delayAfterDeath(50), 10_000);
  });

  test('forgets quick deaths after a long life', () => {
    const backoff = new RestartBackoff();
    for (let death = 0; death < 5; death++) backoff.delayAfterDeath(50);
    assert.equal(backoff.delayAfterDeath(60_000), 0);
    assert.equal(backoff.delayAfterDeath(50), 100);
  });
});
