import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { beatMs, Heartbeat, mostMissed } from '../../src/supervisor/heartbeat.ts';

/** A worker that answers while it is told to. */
class FakePulse {
  asked = 0;
  isStuck = false;
  isBusy = false;

  ask(): void {
    this.asked += 1;
  }

  isExcused(): boolean {
    return this.isBusy;
  }

  stuck(): void {
    this.isStuck = true;
  }
}

describe('a heartbeat', () => {
  test('takes a worker for stuck that leaves ten questions unanswered', (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const pulse = new FakePulse();
    const heartbeat = new Heartbeat(pulse);
    t.mock.timers.tick(beatMs * mostMissed);
    assert.equal(pulse.asked, mostMissed);
    heartbeat.answered();
    t.mock.timers.tick(beatMs * mostMissed);
    assert.ok(!pulse.isStuck);
    t.mock.timers.tick(beatMs);
    assert.ok(pulse.isStuck);
  });

  test('bears with a worker that has reason to be silent', (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const pulse = new FakePulse();
    new Heartbeat(pulse);
    pulse.isBusy = true;
    t.mock.timers.tick(beatMs * 100);
    assert.ok(!pulse.isStuck);
    pulse.isBusy = false;
    t.mock.timers.tick(beatMs * (mostMissed + 1));
    assert.ok(pulse.isStuck);
  });

  test('blames no worker for time in which this process stood still', async () => {
    const periodMs = 10;
    const pulse = new FakePulse();
    const heartbeat = new Heartbeat(pulse, periodMs);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, periodMs * mostMissed * 5);
    await new Promise((resolve) => setTimeout(resolve, periodMs));
    heartbeat.stop();
    assert.ok(pulse.asked > 0);
    assert.ok(!pulse.isStuck);
  });
});
