import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { PassiveHealthSnapshot } from '../../src/config/snapshot.ts';
import { OutlierDetection } from '../../src/upstream/outlier-detection.ts';

const settings: PassiveHealthSnapshot = {
  failures: 3,
  windowMs: 10_000,
  ejectForMs: 30_000,
  maxEjectedShare: 0.5,
};

function detection(keys: readonly string[], more: Partial<PassiveHealthSnapshot> = {}): OutlierDetection {
  const outliers = new OutlierDetection({ ...settings, ...more });
  outliers.setEndpoints(keys);
  return outliers;
}

/** Fails three times at once; whether that ejects the endpoint. */
function failThrice(outliers: OutlierDetection, key: string, nowMs: number): boolean {
  const whys = [1, 2, 3].map(() => outliers.failure(key, nowMs));
  return whys.at(-1) !== undefined;
}

describe('outlier detection', () => {
  it('ejects after so many failures within the window, and says why', () => {
    const outliers = detection(['a', 'b']);
    assert.equal(outliers.failure('a', 0), undefined);
    assert.equal(outliers.failure('a', 5000), undefined);
    assert.equal(outliers.failure('a', 9999), '3 failures within 10 s');
    assert.ok(outliers.isEjected('a'));
    assert.ok(!outliers.isEjected('b'));
  });

  it('forgets failures that are older than the window', () => {
    const outliers = detection(['a', 'b']);
    for (const nowMs of [0, 5000, 10_000, 15_000, 20_000])
      assert.equal(outliers.failure('a', nowMs), undefined);
    assert.ok(outliers.failure('a', 21_000));
  });

  it('starts counting again after a success', () => {
    const outliers = detection(['a', 'b']);
    for (let round = 0; round < 10; round += 1) {
      outliers.failure('a', round);
      outliers.failure('a', round);
      outliers.success('a');
    }
    assert.ok(!outliers.isEjected('a'));
  });

  it('returns an endpoint by itself when the time is up', () => {
    const outliers = detection(['a', 'b']);
    failThrice(outliers, 'a', 1000);
    assert.equal(outliers.nextDueMs, 31_000);
    assert.deepEqual(outliers.due(30_999), []);
    assert.deepEqual(outliers.due(31_000), ['a']);
    assert.ok(!outliers.isEjected('a'));
    assert.equal(outliers.nextDueMs, Number.POSITIVE_INFINITY);
    assert.equal(outliers.failure('a', 31_000), undefined);
  });

  it('starts with a clean slate even when the window outlasts the ejection', () => {
    const outliers = detection(['a', 'b'], { ejectForMs: 1000 });
    failThrice(outliers, 'a', 0);
    outliers.due(1000);
    assert.equal(outliers.failure('a', 1000), undefined);
  });

  it('ignores what fails during the ejection', () => {
    const outliers = detection(['a', 'b', 'c', 'd']);
    failThrice(outliers, 'a', 0);
    assert.ok(!failThrice(outliers, 'a', 29_000));
    assert.deepEqual(outliers.due(30_000), ['a']);
  });

  it('ejects for longer each time in a row, at most tenfold', () => {
    const outliers = detection(['a', 'b']);
    let nowMs = 0;
    for (const times of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10]) {
      failThrice(outliers, 'a', nowMs);
      assert.equal(outliers.nextDueMs - nowMs, times * settings.ejectForMs);
      nowMs = outliers.nextDueMs;
      outliers.due(nowMs);
    }
  });

  it('forgives one ejection for every ejectFor back in service', () => {
    const outliers = detection(['a', 'b']);
    let nowMs = 0;
    for (let time = 0; time < 4; time += 1) {
      failThrice(outliers, 'a', nowMs);
      nowMs = outliers.nextDueMs;
      outliers.due(nowMs);
    }
    nowMs += 2 * settings.ejectForMs;
    failThrice(outliers, 'a', nowMs);
    assert.equal(outliers.nextDueMs - nowMs, 3 * settings.ejectForMs);
  });

  it('never ejects the only endpoint at a share of half', () => {
    const outliers = detection(['a']);
    assert.ok(!failThrice(outliers, 'a', 0));
    assert.ok(failThrice(detection(['a'], { maxEjectedShare: 1 }), 'a', 0));
  });

  it('ejects at the next failure once there is room again', () => {
    const outliers = detection(['a', 'b']);
    assert.ok(failThrice(outliers, 'a', 0));
    assert.ok(!failThrice(outliers, 'b', 29_999));
    outliers.due(30_000);
    assert.ok(outliers.failure('b', 30_000));
  });

  it('counts what others have ejected towards the share', () => {
    const outliers = detection(['a', 'b', 'c', 'd']);
    for (const ejectedByOthers of [2, 2, 2])
      assert.equal(outliers.failure('a', 0, ejectedByOthers), undefined);
    assert.ok(outliers.failure('a', 0, 1));
  });

  it('rounds the share down, but not on account of floating point', () => {
    const keys = Array.from({ length: 100 }, (_, index) => `${index}`);
    const outliers = detection(keys, { maxEjectedShare: 0.29 });
    assert.equal(keys.filter((key) => failThrice(outliers, key, 0)).length, 29);
  });

  it('forgets endpoints that are gone, and knows nothing of strangers', () => {
    const outliers = detection(['a', 'b', 'c', 'd']);
    failThrice(outliers, 'a', 0);
    outliers.failure('b', 0);
    outliers.failure('b', 0);
    outliers.setEndpoints(['b', 'c']);
    assert.equal(outliers.nextDueMs, Number.POSITIVE_INFINITY);
    assert.ok(!failThrice(outliers, 'a', 0));
    assert.ok(outliers.failure('b', 0), 'one that stays keeps its failures');
  });

  it('never has more ejected than the share, nor any for longer than tenfold, whatever happens', () => {
    const keys = ['a', 'b', 'c', 'd', 'e'];
    const steps = fc.array(
      fc.record({ key: fc.constantFrom(...keys), fails: fc.boolean(), afterMs: fc.nat({ max: 20_000 }) }),
      { maxLength: 200 },
    );
    fc.assert(
      fc.property(steps, fc.double({ min: 0, max: 1, noNaN: true }), (steps, maxEjectedShare) => {
        const outliers = detection(keys, { failures: 2, maxEjectedShare });
        let nowMs = 0;
        for (const step of steps) {
          nowMs += step.afterMs;
          for (const key of outliers.due(nowMs)) assert.ok(!outliers.isEjected(key));
          if (step.fails) outliers.failure(step.key, nowMs);
          else outliers.success(step.key);
          const ejected = keys.filter((key) => outliers.isEjected(key)).length;
          assert.ok(ejected <= maxEjectedShare * keys.length + 1e-9);
          assert.equal(ejected > 0, outliers.nextDueMs < Number.POSITIVE_INFINITY);
          if (ejected > 0) assert.ok(outliers.nextDueMs > nowMs);
        }
        const last = nowMs + 10 * settings.ejectForMs;
        outliers.due(last);
        assert.ok(keys.every((key) => !outliers.isEjected(key)));
      }),
    );
  });
});
