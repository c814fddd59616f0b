import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { SharedCount } from '../../src/upstream/limits/shared-count.ts';
import { Upstream } from '../../src/upstream/upstream.ts';
import { newMemory } from './limits/memory.ts';
import { newUpstream, pick } from './sample-upstream.ts';
import { sampleRequest, sampleSettings, sampleUpstream } from './samples.ts';

describe('upstream: account', () => {
  it('counts a connection from the dial to its end', () => {
    const upstream = newUpstream([sampleSettings(1)]);
    const endpoint = pick(upstream);
    upstream.dialled(endpoint);
    upstream.dialled(endpoint);
    assert.equal(endpoint.activeConnections, 2);
    upstream.dialFailed(endpoint, 0);
    upstream.ended(endpoint, { diedBeforeFirstByte: false }, 0);
    assert.equal(endpoint.activeConnections, 0);
    assert.throws(() => upstream.ended(endpoint, { diedBeforeFirstByte: false }, 0), /no connection to end/);
  });

  it('tells least-connections of every change', () => {
    const upstream = newUpstream([sampleSettings(1), sampleSettings(2)], { balance: 'least-connections' });
    const first = pick(upstream);
    upstream.dialled(first);
    const second = pick(upstream);
    upstream.dialled(second);
    upstream.dialled(second);
    assert.notEqual(first, second);
    assert.equal(pick(upstream), first);
    upstream.ended(second, { diedBeforeFirstByte: false }, 0);
    upstream.ended(second, { diedBeforeFirstByte: false }, 0);
    assert.equal(pick(upstream), second);
  });

  it('divides maxConnections among the workers to the last one', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 1, max: 16 }),
        (maxConnections, count) => {
          const shares = Array.from({ length: count }, (_, index) => {
            const upstream = new Upstream(sampleUpstream({ maxConnections }), [], Math.random, {
              index,
              count,
            });
            while (upstream.tryAcquire());
            return upstream.connections;
          });
          assert.equal(
            shares.reduce((sum, share) => sum + share, 0),
            maxConnections,
          );
          assert.ok(Math.max(...shares) - Math.min(...shares) <= 1);
        },
      ),
    );
  });

  it('has room again when a connection is released, and after a change of the limit', () => {
    const upstream = newUpstream([], { maxConnections: 1 });
    assert.ok(upstream.tryAcquire());
    assert.ok(!upstream.tryAcquire());
    upstream.release();
    assert.ok(upstream.tryAcquire());
    upstream.configure(sampleUpstream({ maxConnections: 2 }), 0);
    assert.ok(upstream.tryAcquire());
    upstream.configure(sampleUpstream({ maxConnections: 1 }), 0);
    upstream.release();
    assert.ok(!upstream.tryAcquire());
    upstream.release();
    assert.throws(() => upstream.release(), /not acquired/);
  });

  it('has its limit together with other workers where they share a count', () => {
    const memory = newMemory(2);
    const workers = [0, 1].map((index) => {
      const upstream = new Upstream(sampleUpstream({ maxConnections: 3 }), [], Math.random, {
        index,
        count: 2,
      });
      upstream.countIn(new SharedCount(memory, 2, index));
      return upstream;
    });
    const [a, b] = workers;
    assert.ok(a && b);
    assert.deepEqual([a.tryAcquire(), a.tryAcquire(), a.tryAcquire()], [true, true, true]);
    assert.ok(!b.tryAcquire());
    a.release();
    assert.ok(b.tryAcquire() && !a.tryAcquire());
    for (const each of workers) each.configure(sampleUpstream({ maxConnections: 4 }), 0);
    assert.ok(b.tryAcquire() && !b.tryAcquire());
    assert.deepEqual([a.connections, b.connections], [2, 2]);
  });

  it('brings what it has into a count that it gets to share, and takes it out again', () => {
    const memory = newMemory(2);
    const [first, second, other] = [2, 3, 2].map((column, at) => new SharedCount(memory, column, at >> 1));
    assert.ok(first && second && other);
    const upstream = newUpstream([]);
    assert.ok(upstream.tryAcquire() && upstream.tryAcquire());
    upstream.countIn(first);
    assert.equal(other.total, 2);
    upstream.countIn(second);
    assert.deepEqual([other.total, second.total], [0, 2]);
    upstream.release();
    upstream.countIn(undefined);
    assert.equal(second.total, 0);
    assert.equal(upstream.connections, 1);
  });

  it('has no limit of connections where none is configured', () => {
    const upstream = newUpstream([]);
    for (let count = 0; count < 1000; count += 1) assert.ok(upstream.tryAcquire());
  });
});

describe('upstream: change', () => {
  it('keeps the endpoints that stay, with their connections and states', () => {
    const upstream = newUpstream([sampleSettings(1), sampleSettings(2)]);
    const before = [...upstream.endpoints(0)];
    const [one, two] = before;
    assert.ok(one && two);
    upstream.dialled(one);
    upstream.setState(two.key, 'down', 'probe', 0);
    upstream.update([sampleSettings(2), sampleSettings(1, { weight: 5 }), sampleSettings(3)], 0);
    assert.deepEqual([...upstream.endpoints(0)].slice(0, 2), [two, one]);
    assert.deepEqual([one.weight, one.activeConnections, two.state], [5, 1, 'down']);
  });

  it('drains an endpoint that is gone until its last connection has ended', () => {
    const upstream = newUpstream([sampleSettings(1), sampleSettings(2)]);
    const [gone, idle] = upstream.endpoints(0);
    assert.ok(gone && idle);
    upstream.dialled(gone);
    upstream.update([sampleSettings(3)], 0);
    assert.deepEqual(
      [...upstream.endpoints(0)].map(({ key, state }) => `${key} ${state}`),
      ['10.0.0.3:8443 up', '10.0.0.1:8443 draining'],
    );
    for (let count = 0; count < 10; count += 1) assert.equal(pick(upstream).key, '10.0.0.3:8443');
    upstream.ended(gone, { diedBeforeFirstByte: true }, 0);
    assert.equal([...upstream.endpoints(0)].length, 1);
  });

  it('takes a draining endpoint back as the same one', () => {
    const upstream = newUpstream([sampleSettings(1)]);
    const endpoint = pick(upstream);
    upstream.dialled(endpoint);
    upstream.update([], 0);
    assert.equal(upstream.pick(sampleRequest(), []), undefined);
    upstream.update([sampleSettings(1)], 0);
    assert.equal(pick(upstream), endpoint);
    assert.deepEqual([endpoint.state, endpoint.activeConnections], ['up', 1]);
    assert.equal([...upstream.endpoints(0)].length, 1);
  });

  it('makes one endpoint of an address that several names resolve to', () => {
    const upstream = newUpstream([
      sampleSettings(1, { priority: 20, weight: 100 }),
      sampleSettings(1, { priority: 10, weight: 2 }),
      sampleSettings(1, { priority: 10, weight: 3 }),
      sampleSettings(1, { priority: 30, weight: 100 }),
    ]);
    const endpoints = [...upstream.endpoints(0)].map(({ priority, weight }) => ({ priority, weight }));
    assert.deepEqual(endpoints, [{ priority: 10, weight: 5 }]);
  });

  it('changes its method, and goes on counting', () => {
    const upstream = newUpstream([sampleSettings(1), sampleSettings(2)]);
    const [busy, idle] = [pick(upstream), pick(upstream)];
    upstream.dialled(busy);
    upstream.configure(sampleUpstream({ balance: 'least-connections' }), 0);
    for (let count = 0; count < 3; count += 1) assert.equal(pick(upstream), idle);
  });

  it('ignores news of endpoints it does not have', () => {
    const upstream = newUpstream([sampleSettings(1)]);
    upstream.setState('10.0.0.9:8443', 'down', '', 0);
    assert.equal(pick(upstream).state, 'up');
  });
});
