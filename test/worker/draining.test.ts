import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { Connection } from '../../src/data-plane/data-plane.ts';
import { Draining } from '../../src/worker/draining.ts';

/** A plane with so many connections, that tells when they are reset. */
class LivePlane {
  readonly resetAt: number[] = [];
  readonly #live: Set<Connection>;
  readonly #now: () => number;

  constructor(count: number, now: () => number) {
    this.#now = now;
    this.#live = new Set(Array.from({ length: count }, () => ({}) as Connection));
  }

  /** Refused clients that have not seen the end. */
  lingering = 0;

  get connectionCount(): number {
    return this.#live.size;
  }

  get isIdle(): boolean {
    return this.#live.size + this.lingering === 0;
  }

  connections(): Iterable<Connection> {
    return this.#live;
  }

  abort(connection: Connection): void {
    this.#live.delete(connection);
    this.resetAt.push(this.#now());
  }

  endAll(): void {
    this.#live.clear();
  }
}

describe('draining', () => {
  let nowMs = 0;
  const now = () => nowMs;

  /** As time goes by, in turns of the loop. */
  const passTo = (untilMs: number, tick: (ms: number) => void) => {
    while (nowMs < untilMs) {
      nowMs += 20;
      tick(20);
    }
  };

  /** For 10 s at most; `doneAt`: when it was. */
  const drain = (plane: LivePlane) => {
    const draining: { doneAt: number | undefined } = { doneAt: undefined };
    const done = () => {
      draining.doneAt ??= nowMs;
    };
    new Draining(plane, 10_000, done, now);
    return draining;
  };

  test('resets the connections evenly over the last tenth of the time', (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    nowMs = 0;
    const plane = new LivePlane(1_000, now);
    const draining = drain(plane);
    passTo(10_000, (ms) => t.mock.timers.tick(ms));
    assert.ok(draining.doneAt !== undefined);
    assert.ok(plane.resetAt.every((at) => at > 9_000));
    // Those that the last turn has left are reset by whoever closes the plane.
    assert.ok(plane.connectionCount <= 21, `${plane.connectionCount} left`);
    for (let from = 9_000; from < 9_980; from += 20) {
      const count = plane.resetAt.filter((at) => at > from && at <= from + 20).length;
      assert.ok(count >= 18 && count <= 22, `${count} from ${from} ms on`);
    }
  });

  test('takes no longer than 10 s to reset them, however long the drain', (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    nowMs = 0;
    const plane = new LivePlane(1_000, now);
    new Draining(plane, 600_000, () => {}, now);
    passTo(600_000, (ms) => t.mock.timers.tick(ms));
    assert.ok(plane.resetAt.every((at) => at > 590_000));
  });

  test('gives a refused client the time to see the end', (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    nowMs = 0;
    const plane = new LivePlane(0, now);
    plane.lingering = 1;
    const draining = drain(plane);
    passTo(1_000, (ms) => t.mock.timers.tick(ms));
    assert.equal(draining.doneAt, undefined);
    plane.lingering = 0;
    passTo(2_000, (ms) => t.mock.timers.tick(ms));
    assert.equal(draining.doneAt, 1_020);
  });

  test('is done as soon as no connection is left', (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    nowMs = 0;
    const plane = new LivePlane(2, now);
    const draining = drain(plane);
    passTo(1_000, (ms) => t.mock.timers.tick(ms));
    plane.endAll();
    passTo(2_000, (ms) => t.mock.timers.tick(ms));
    assert.equal(draining.doneAt, 1_020);
  });
});
