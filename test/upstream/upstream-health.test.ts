import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { counts, failUntilEjected, newUpstream, pick } from './sample-upstream.ts';
import { sampleSettings, sampleUpstream } from './samples.ts';

const passiveHealth = { failures: 3, windowMs: 10_000, ejectForMs: 30_000, maxEjectedShare: 0.5 };

describe('upstream: ejection', () => {
  const two = [sampleSettings(1), sampleSettings(2)];

  it('takes out an endpoint that fails, and back in when the time is up', () => {
    const upstream = newUpstream(two, { passiveHealth });
    const bad = pick(upstream);
    failUntilEjected(upstream, bad, 1000);
    assert.deepEqual([bad.state, bad.why], ['ejected', '3 failures within 10 s']);
    const later = Array.from({ length: 10 }, () => pick(upstream, [], 30_999));
    assert.ok(!later.includes(bad));
    const muchLater = Array.from({ length: 10 }, () => pick(upstream, [], 31_000));
    assert.ok(muchLater.includes(bad));
    assert.deepEqual([bad.state, bad.why], ['up', '']);
  });

  it('reports an ejection as over when it is, though nothing was chosen since', () => {
    const upstream = newUpstream(two, { passiveHealth });
    failUntilEjected(upstream, pick(upstream), 0);
    const states = (nowMs: number) => [...upstream.endpoints(nowMs)].map(({ state }) => state);
    assert.deepEqual(states(29_999), ['ejected', 'up']);
    assert.deepEqual(states(30_000), ['up', 'up']);
  });

  it('counts connections that die without an answer as failures, and answers as none', () => {
    const upstream = newUpstream(two, { passiveHealth });
    const endpoint = pick(upstream);
    const end = (use: { diedBeforeFirstByte: boolean; served?: boolean }) => {
      upstream.dialled(endpoint);
      return upstream.ended(endpoint, use, 0);
    };
    const died = { diedBeforeFirstByte: true };
    const served = { diedBeforeFirstByte: false };
    assert.deepEqual([died, died, served, died, died].map(end), [false, false, false, false, false]);
    const leftEarly = { diedBeforeFirstByte: false, served: false };
    assert.deepEqual([leftEarly, died].map(end), [false, true], 'a client that left says nothing');
  });

  it('never ejects the only endpoint that may be used', () => {
    const upstream = newUpstream([sampleSettings(1), sampleSettings(2, { weight: 0 })], { passiveHealth });
    const endpoint = pick(upstream);
    for (let failure = 0; failure < 10; failure += 1) {
      upstream.dialled(endpoint);
      assert.ok(!upstream.dialFailed(endpoint, 0));
    }
    assert.equal(endpoint.state, 'up');
  });

  it('leaves those the supervisor has ejected their part of the share', () => {
    const four = [1, 2, 3, 4].map((number) => sampleSettings(number));
    const upstream = newUpstream(four, { passiveHealth });
    upstream.setState('10.0.0.1:8443', 'ejected', 'seen by others', 0);
    upstream.setState('10.0.0.2:8443', 'ejected', 'seen by others', 0);
    const endpoint = pick(upstream);
    for (let failure = 0; failure < 10; failure += 1) {
      upstream.dialled(endpoint);
      assert.ok(!upstream.dialFailed(endpoint, 0));
    }
  });

  it('ends with its configuration', () => {
    const upstream = newUpstream(two, { passiveHealth });
    const endpoint = pick(upstream);
    failUntilEjected(upstream, endpoint, 0);
    upstream.configure(sampleUpstream(), 1);
    assert.equal(endpoint.state, 'up');
    for (let failure = 0; failure < 10; failure += 1) {
      upstream.dialled(endpoint);
      assert.ok(!upstream.dialFailed(endpoint, 1));
    }
  });
});

describe('upstream: slow start', () => {
  const slowStartMs = 20_000;
  const two = [sampleSettings(1), sampleSettings(2)];

  for (const balance of ['round-robin', 'random-two-choices'] as const) {
    it(`lets the share of an endpoint that returns grow evenly by ${balance}`, () => {
      const upstream = newUpstream(two, { balance, slowStartMs });
      upstream.setState('10.0.0.2:8443', 'down', 'probe', 0);
      assert.deepEqual(counts(upstream, 100, 0), [100, 0]);
      upstream.setState('10.0.0.2:8443', 'up', '', 100_000);
      for (const part of [0, 0.25, 0.5, 0.75, 1, 2]) {
        const [, returned = 0] = counts(upstream, 4000, 100_000 + part * slowStartMs);
        const weight = Math.min(Math.max(part, 0.05), 1);
        const expected = (4000 * weight) / (1 + weight);
        assert.ok(Math.abs(returned - expected) < 100, `at ${part}: ${returned}, not ${expected}`);
      }
    });
  }

  it('holds a returning endpoint back in least-connections too', () => {
    const upstream = newUpstream(two, { balance: 'least-connections', slowStartMs });
    upstream.setState('10.0.0.2:8443', 'down', 'probe', 0);
    upstream.setState('10.0.0.2:8443', 'up', '', 0);
    const dial = (nowMs: number) => {
      for (let count = 0; count < 300; count += 1) upstream.dialled(pick(upstream, [], nowMs));
      return [...upstream.endpoints(nowMs)].map(({ activeConnections }) => activeConnections);
    };
    const [, early = 0] = dial(0);
    assert.ok(early < 20, `${early} of 300`);
    const [one = 0, late = 0] = dial(slowStartMs);
    assert.ok(Math.abs(one - late) <= 1);
  });

  it('counts from the end of an ejection, and for endpoints that are added', () => {
    const upstream = newUpstream(two, { slowStartMs, passiveHealth });
    failUntilEjected(upstream, pick(upstream), 0);
    const [returned = 0] = counts(upstream, 1000, 30_000);
    assert.ok(returned < 80);
    const settled = 30_000 + slowStartMs;
    upstream.update([...two, sampleSettings(3)], settled);
    const [one = 0, , added = 0] = counts(upstream, 1000, settled);
    assert.ok(one > 450 && added < 60, `${one}, ${added}`);
  });

  it('leaves hashes alone: each source moves once', () => {
    const upstream = newUpstream(two, { balance: 'source-hash', slowStartMs });
    const before = counts(upstream, 1000, 0);
    upstream.setState('10.0.0.2:8443', 'down', 'probe', 0);
    upstream.setState('10.0.0.2:8443', 'up', '', 0);
    assert.deepEqual(counts(upstream, 1000, 0), before);
  });

  it('holds nothing back at the beginning', () => {
    assert.deepEqual(counts(newUpstream(two, { slowStartMs }), 1000, 0), [500, 500]);
  });
});
