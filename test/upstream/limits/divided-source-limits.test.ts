import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DividedSourceLimits } from '../../../src/upstream/limits/divided-source-limits.ts';

const unlimited = { maxConnectionsPerSource: undefined, newConnectionsPerSource: undefined };

function atOnce(maxConnectionsPerSource: number): DividedSourceLimits {
  return new DividedSourceLimits({ ...unlimited, maxConnectionsPerSource });
}

function perSecond(count: number, maxTracked?: number): DividedSourceLimits {
  const settings = { ...unlimited, newConnectionsPerSource: { count, perMs: 1000 } };
  return new DividedSourceLimits(settings, undefined, maxTracked);
}

function accepted(limits: DividedSourceLimits, attempts: number, address: string, nowMs: number): number {
  return Array.from({ length: attempts }, () => limits.accept(address, nowMs)).filter(Boolean).length;
}

describe('source limits: connections at once', () => {
  it('accepts so many of one source, and another when one has ended', () => {
    const limits = atOnce(2);
    assert.equal(accepted(limits, 5, '192.0.2.1', 0), 2);
    limits.ended('192.0.2.1');
    assert.equal(accepted(limits, 5, '192.0.2.1', 0), 1);
  });

  it('counts each source for itself', () => {
    const limits = atOnce(1);
    assert.ok(limits.accept('192.0.2.1', 0));
    assert.ok(limits.accept('192.0.2.2', 0));
  });

  it('takes an IPv6 /64 for one source, however its addresses are written', () => {
    const limits = atOnce(1);
    assert.ok(limits.accept('2001:db8:0:1::1', 0));
    for (const same of ['2001:db8:0:1:ffff:ffff:ffff:ffff', '2001:db8:0:1:2:3:4:5', '2001:db8:0:1:1::']) {
      assert.ok(!limits.accept(same, 0), same);
    }
    for (const other of ['2001:db8::1', '2001:db8:0:2::1', '::1', '2001:db8:1::', 'fe80::1']) {
      assert.ok(limits.accept(other, 0), other);
    }
    assert.ok(!limits.accept('::', 0), '::1 and :: are of the same /64');
    assert.ok(!limits.accept('fe80::2%eth0', 0), 'the zone is no part of the address');
  });

  it('groups IPv6 addresses exactly by their first 64 bits', () => {
    const group = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff }));
    const groups = fc.array(group, { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(groups, groups, fc.boolean(), (one, tail, same) => {
        const other = same ? [...one.slice(0, 4), ...tail.slice(4)] : tail;
        const limits = atOnce(1);
        assert.ok(limits.accept(canonical(one), 0));
        const expected = one.slice(0, 4).join() !== other.slice(0, 4).join();
        assert.equal(limits.accept(canonical(other), 0), expected);
      }),
    );
  });

  it('remembers no source without connections', () => {
    const limits = atOnce(10);
    for (let index = 0; index < 100; index += 1) limits.accept(`192.0.2.${index}`, 0);
    assert.equal(limits.tracked.sources, 100);
    for (let index = 0; index < 100; index += 1) limits.ended(`192.0.2.${index}`);
    assert.equal(limits.tracked.sources, 0);
  });

  it('takes the end of a connection that never was for the mistake it is', () => {
    assert.throws(() => atOnce(1).ended('192.0.2.1'), /no connection to end/);
  });
});

describe('source limits: new connections', () => {
  it('accepts a burst of the number, then as many as the time brings', () => {
    const limits = perSecond(100);
    assert.equal(accepted(limits, 150, '192.0.2.1', 0), 100);
    assert.equal(accepted(limits, 10, '192.0.2.1', 9), 0);
    assert.equal(accepted(limits, 10, '192.0.2.1', 50), 5);
    assert.equal(accepted(limits, 500, '192.0.2.1', 60_000), 100);
  });

  it('never accepts more in any stretch of time than the burst and the rate allow', () => {
    const attempts = fc.array(fc.nat({ max: 400 }), { maxLength: 100 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10 }), attempts, (count, gaps) => {
        const limits = perSecond(count, 2);
        const acceptedAt: number[] = [];
        let nowMs = 0;
        for (const gap of gaps) {
          nowMs += gap;
          if (limits.accept('192.0.2.1', nowMs)) acceptedAt.push(nowMs);
        }
        acceptedAt.forEach((from, first) => {
          acceptedAt.slice(first).forEach((to, more) => {
            assert.ok(more + 1 <= count + ((to - from) * count) / 1000 + 1e-6);
          });
        });
      }),
    );
  });

  it('takes nothing for a connection that is refused for another reason', () => {
    const rate = { count: 2, perMs: 1000 };
    const limits = new DividedSourceLimits({ maxConnectionsPerSource: 1, newConnectionsPerSource: rate });
    assert.equal(accepted(limits, 10, '192.0.2.1', 0), 1);
    limits.ended('192.0.2.1');
    assert.equal(accepted(limits, 10, '192.0.2.1', 0), 1);
  });

  it('keeps its memory bounded in a flood of sources, and lets them in', () => {
    const limits = perSecond(1, 1000);
    for (let index = 0; index < 50_000; index += 1) {
      const address = `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;
      assert.ok(limits.accept(address, 0));
      limits.ended(address);
      assert.ok(limits.tracked.sources <= 2001);
    }
    assert.ok(limits.tracked.forgotten > 40_000);
  });

  it('holds a source to its rate in a flood of others as long as it keeps coming', () => {
    const limits = perSecond(10, 100);
    let mine = 0;
    for (let index = 0; index < 10_000; index += 1) {
      assert.ok(limits.accept(`10.0.${index >> 8}.${index & 255}`, 0));
      if (index % 50 === 0 && limits.accept('192.0.2.1', 0)) mine += 1;
    }
    assert.equal(mine, 10);
  });

  it('remembers what a quiet source has used for as long as that matters', () => {
    const limits = perSecond(10);
    accepted(limits, 10, '192.0.2.1', 0);
    for (const nowMs of [100, 200, 300, 400, 500]) limits.accept('198.51.100.1', nowMs);
    assert.equal(accepted(limits, 10, '192.0.2.1', 500), 5);
  });

  it('forgets sources that have been quiet long enough to start afresh anyway', () => {
    const limits = perSecond(10);
    for (let index = 0; index < 100; index += 1) {
      limits.accept(`192.0.2.${index}`, 0);
      limits.ended(`192.0.2.${index}`);
    }
    limits.accept('198.51.100.1', 1000);
    limits.accept('198.51.100.1', 2000);
    assert.ok(limits.tracked.sources <= 2);
    assert.equal(limits.tracked.forgotten, 0);
  });
});

describe('source limits of several workers', () => {
  it('add up to the limit', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 16 }), (limit, count) => {
        const rate = { count: limit, perMs: 1000 };
        const parts = Array.from({ length: count }, (_, index) => {
          const worker = { index, count };
          const held = new DividedSourceLimits({ ...unlimited, maxConnectionsPerSource: limit }, worker);
          const rated = new DividedSourceLimits({ ...unlimited, newConnectionsPerSource: rate }, worker);
          return [accepted(held, limit + 1, '::1', 0), accepted(rated, limit + 1, '::1', 0)];
        });
        // No worker refuses everybody: with fewer connections than workers, each has one.
        const expected = Math.max(limit, count);
        for (const which of [0, 1]) {
          assert.equal(
            parts.reduce((sum, part) => sum + (part[which] ?? 0), 0),
            expected,
          );
        }
      }),
    );
  });
});

describe('source limits after a reload', () => {
  it('keep counting what is live and what was used', () => {
    const rate = { count: 10, perMs: 1000 };
    const limits = new DividedSourceLimits({ maxConnectionsPerSource: 10, newConnectionsPerSource: rate });
    assert.equal(accepted(limits, 4, '192.0.2.1', 0), 4);
    limits.configure({ maxConnectionsPerSource: 5, newConnectionsPerSource: rate });
    assert.equal(accepted(limits, 4, '192.0.2.1', 0), 1);
    limits.configure({ maxConnectionsPerSource: undefined, newConnectionsPerSource: { ...rate, count: 8 } });
    assert.equal(accepted(limits, 10, '192.0.2.1', 0), 5);
    limits.configure(unlimited);
    assert.equal(accepted(limits, 100, '192.0.2.1', 0), 100);
  });
});

/** RFC 5952 text: lower case, the first longest run of two or more zero groups as `::`. */
function canonical(groups: readonly number[]): string {
  return new URL(`http://[${groups.map((group) => group.toString(16)).join(':')}]/`).hostname.slice(1, -1);
}
