import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { BalanceMethod } from '../../src/config/snapshot.ts';
import type { Endpoint, EndpointState } from '../../src/upstream/endpoint.ts';
import { counts, newUpstream, pick } from './sample-upstream.ts';
import { countBy, sampleRequest, sampleSettings, worstShareError } from './samples.ts';

const methods: readonly BalanceMethod[] = [
  'round-robin',
  'least-connections',
  'random-two-choices',
  'source-hash',
  'server-name-hash',
];
describe('upstream: choice', () => {
  for (const balance of methods) {
    it(`honours weights by ${balance}, and gives weight 0 nothing`, () => {
      const weights = [1, 0, 3];
      const upstream = newUpstream(
        weights.map((weight, number) => sampleSettings(number, { weight })),
        { balance },
      );
      const [one = 0, none, three = 0] = counts(upstream, 4000);
      assert.equal(none, 0);
      assert.ok(worstShareError([1, 3], [one, three]) < 0.1);
    });

    it(`tries each endpoint once before any again by ${balance}, for as long as it is asked`, () => {
      const upstream = newUpstream(
        [1, 2, 3, 4].map((number) => sampleSettings(number, { weight: number })),
        {
          balance,
        },
      );
      const tried: Endpoint[] = [];
      for (let attempt = 0; attempt < 10; attempt += 1) tried.push(pick(upstream, tried));
      assert.equal(new Set(tried.slice(0, 4)).size, 4);
    });

    it(`finds an endpoint exactly when one may be used, and the best, by ${balance}`, () => {
      const state = fc.constantFrom<EndpointState>('up', 'down', 'ejected', 'resolving', 'draining');
      const some = fc.record({
        state,
        weight: fc.integer({ min: 0, max: 3 }),
        priority: fc.integer({ min: 0, max: 2 }),
      });
      const tried = fc.nat();
      fc.assert(
        fc.property(fc.array(some, { maxLength: 6 }), tried, (each, tried) => {
          const upstream = newUpstream(
            each.map((more, number) => sampleSettings(number, more)),
            { balance },
          );
          const endpoints = [...upstream.endpoints(0)];
          const excluded = endpoints.filter((_, index) => (tried >> index) % 2 === 1);
          const chosen = upstream.pick(sampleRequest(), excluded);
          assert.deepEqual(chosen && rank(chosen), bestRank(endpoints, excluded));
        }),
      );
    });
  }

  it('uses a lower priority only when nothing better is up or left to try', () => {
    const [main, spare] = [sampleSettings(1, { priority: 10 }), sampleSettings(2, { priority: 20 })];
    const upstream = newUpstream([spare, main]);
    const first = pick(upstream);
    assert.equal(first.priority, 10);
    assert.equal(pick(upstream, [first]).priority, 20);
    upstream.setState(first.key, 'down', 'probe', 0);
    assert.equal(pick(upstream).priority, 20);
    upstream.setState(first.key, 'up', '', 0);
    assert.equal(pick(upstream), first);
  });

  it('tries an ejected endpoint, then one that is down, rather than refuse', () => {
    const upstream = newUpstream([
      sampleSettings(1, { state: 'down', priority: 0 }),
      sampleSettings(2, { state: 'ejected', priority: 1 }),
      sampleSettings(3, { state: 'down', weight: 0 }),
      sampleSettings(4, { state: 'resolving' }),
    ]);
    const ejected = pick(upstream);
    assert.equal(ejected.state, 'ejected');
    const down = pick(upstream, [ejected]);
    assert.equal(down.state, 'down');
    assert.equal(pick(upstream, [ejected, down]), ejected);
  });

  it('has nothing to choose without endpoints', () => {
    assert.equal(newUpstream([]).pick(sampleRequest(), []), undefined);
  });

  it('keeps whose turn it is while states change', () => {
    const upstream = newUpstream([1, 2, 3, 4].map((number) => sampleSettings(number)));
    const picked = Array.from({ length: 300 }, (_, index) => {
      upstream.setState('10.0.0.4:8443', index % 2 === 0 ? 'down' : 'up', '', 0);
      return pick(upstream);
    });
    const [one = 0, two = 0, three = 0] = [...countBy(picked).values()].sort((one, other) => other - one);
    assert.ok(one - three <= 2, `${one}, ${two}, ${three}`);
  });
});

/** How good an endpoint is: by state, then by priority; undefined when it may not be used. */
function rank(endpoint: Endpoint): number | undefined {
  const state = ['up', 'ejected', 'down'].indexOf(endpoint.state);
  return state === -1 || endpoint.weight === 0 ? undefined : 10 * state + endpoint.priority;
}

/** What the rules ask for, written down once more in another way. */
function bestRank(endpoints: readonly Endpoint[], tried: readonly Endpoint[]): number | undefined {
  const usable = endpoints.filter((endpoint) => rank(endpoint) !== undefined);
  const up = usable.filter(({ state }) => state === 'up');
  const fit = up.length > 0 ? up : usable;
  const fresh = fit.filter((endpoint) => !tried.includes(endpoint));
  const ranks = (fresh.length > 0 ? fresh : fit).map((endpoint) => rank(endpoint) ?? 0);
  return ranks.length > 0 ? Math.min(...ranks) : undefined;
}
