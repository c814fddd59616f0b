import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { beatMs, Heartbeat, mostMissed, mostStarved } from '../../src/supervisor/heartbeat.ts';

/** A worker that answers while it is told to. */
class FakePulse {
  asked = 0;
  isStuck = false;
  isBusy = false;
  isWaiting = false;
  complaints = 0;

  ask(): void {
    this.asked += 1;
  }

  isExcused(): boolean {
    return this.isBusy;
  }

  isStarved(): boolean {
    return this.isWaiting;
  }

  starved(): void {
    this.complaints += 1;
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

  test('bears with a worker that waits for a processor, and says so once', (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const pulse = new FakePulse();
    const heartbeat = new Heartbeat(pulse);
    pulse.isWaiting = true;
    t.mock.timers.tick(beatMs * mostMissed);
    assert.equal(pulse.complaints, 0);
    t.mock.timers.tick(beatMs * (mostStarved - mostMissed));
    assert.equal(pulse.complaints, 1);
    assert.ok(!pulse.isStuck);
    heartbeat.answered();
    t.mock.timers.tick(beatMs * mostStarved);
    assert.ok(!pulse.isStuck);
    assert.equal(pulse.complaints, 2);
    pulse.isWaiting = false;
    t.mock.timers.tick(beatMs * mostMissed);
    assert.ok(pulse.isStuck);
  });

  test('takes a worker for stuck in the end that waits for a processor for ever', (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const pulse = new FakePulse();
    const heartbeat = new Heartbeat(pulse);
    pulse.isWaiting = true;
    t.mock.timers.tick(beatMs * (mostMissed + mostStarved));
    assert.ok(!pulse.isStuck);
    t.mock.timers.tick(beatMs);
    assert.ok(pulse.isStuck);
    assert.equal(heartbeat.silentBeats, mostMissed + mostStarved);
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
