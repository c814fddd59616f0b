import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { RoundRobin } from '../../src/upstream/balance/round-robin.ts';
import type { Endpoint } from '../../src/upstream/endpoint.ts';
import { countBy, sampleEndpoints, sampleRequest, worstShareError } from './samples.ts';

const request = sampleRequest();
const onlyWorker = { index: 0, count: 1 };
const someWeights = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 20 });

function roundRobin(endpoints: readonly Endpoint[], worker = onlyWorker): RoundRobin {
  const balancer = new RoundRobin(worker);
  balancer.reset(endpoints);
  return balancer;
}

function picks(balancer: RoundRobin, count: number): Endpoint[] {
  return Array.from({ length: count }, () => pick(balancer));
}

function pick(balancer: RoundRobin, tried: readonly Endpoint[] = []): Endpoint {
  const endpoint = balancer.pick(request, tried);
  assert.ok(endpoint);
  return endpoint;
}

describe('round-robin', () => {
  it('goes through endpoints of equal weight in order', () => {
    const endpoints = sampleEndpoints([1, 1, 1]);
    assert.deepEqual(picks(roundRobin(endpoints), 6), [...endpoints, ...endpoints]);
  });

  it('spreads the turns of a heavy endpoint, as nginx does', () => {
    const sequence = picks(roundRobin(sampleEndpoints([5, 1, 1])), 14);
    const light = sequence.flatMap(({ weight }, index) => (weight === 1 ? [index] : []));
    assert.equal(light.length, 4);
    const gaps = light.slice(1).map((index, before) => index - (light[before] ?? 0));
    assert.ok(Math.min(...gaps) > 1, `two light ones follow each other: gaps ${gaps}`);
  });

  it('gives every endpoint exactly its weight in turns, in each round', () => {
    fc.assert(
      fc.property(someWeights, fc.nat({ max: 1000 }), (weights, skipped) => {
        const endpoints = sampleEndpoints(weights);
        const balancer = roundRobin(endpoints);
        picks(balancer, skipped);
        const counts = countBy(
          picks(
            balancer,
            weights.reduce((sum, weight) => sum + weight, 0),
          ),
        );
        for (const endpoint of endpoints) {
          const difference = Math.abs((counts.get(endpoint) ?? 0) - endpoint.weight);
          assert.ok(difference <= 1, `${endpoint.key}: off by ${difference}`);
        }
      }),
    );
  });

  it('stays within 3 turns of every share at any time', () => {
    fc.assert(
      fc.property(someWeights, (weights) => {
        const endpoints = sampleEndpoints(weights);
        const balancer = roundRobin(endpoints);
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        const counts = new Map<Endpoint, number>();
        for (let count = 1; count <= 2 * total; count += 1) {
          const endpoint = pick(balancer);
          counts.set(endpoint, (counts.get(endpoint) ?? 0) + 1);
          for (const each of endpoints) {
            const ahead = (counts.get(each) ?? 0) - (count * each.weight) / total;
            assert.ok(Math.abs(ahead) < 3, `${each.key} of ${weights} is ${ahead} ahead after ${count}`);
          }
        }
      }),
      { numRuns: 50 },
    );
  });

  it('keeps two workers together within 5 % of the weights over 10,000 connections', (context) => {
    const weights = [1, 2, 3, 5, 8, 13, 40];
    const endpoints = sampleEndpoints(weights);
    const workers = [0, 1].map((index) => roundRobin(endpoints, { index, count: 2 }));
    const counts = countBy(workers.flatMap((worker) => picks(worker, 5000)));
    const error = worstShareError(
      weights,
      endpoints.map((endpoint) => counts.get(endpoint) ?? 0),
    );
    context.diagnostic(`worst share: ${(100 * error).toFixed(2)} % off`);
    assert.ok(error < 0.05);
  });

  it('starts each worker with another endpoint', () => {
    const endpoints = sampleEndpoints(Array(8).fill(1));
    const first = endpoints.map((_, index) => pick(roundRobin(endpoints, { index, count: 8 })));
    assert.equal(new Set(first).size, 8);
  });

  it('goes on where it was when it is reset to the same endpoints', () => {
    fc.assert(
      fc.property(someWeights, (weights) => {
        const endpoints = sampleEndpoints(weights);
        const [steady, disturbed] = [roundRobin(endpoints), roundRobin(endpoints)];
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        const expected = countBy(picks(steady, total));
        const actual = countBy(
          Array.from({ length: total }, () => {
            disturbed.reset(endpoints);
            return pick(disturbed);
          }),
        );
        for (const endpoint of endpoints) {
          const difference = Math.abs((expected.get(endpoint) ?? 0) - (actual.get(endpoint) ?? 0));
          assert.ok(difference <= 1);
        }
      }),
    );
  });

  it('gives a newcomer its share and no more', () => {
    const endpoints = sampleEndpoints([1, 1, 1, 1]);
    const balancer = roundRobin(endpoints.slice(0, 3));
    picks(balancer, 1000);
    balancer.reset(endpoints);
    const counts = countBy(picks(balancer, 400));
    assert.deepEqual([...counts.values()], [100, 100, 100, 100]);
  });

  it('passes over what was tried, without giving up its turn', () => {
    const [one, two, three] = sampleEndpoints([1, 1, 1]);
    assert.ok(one && two && three);
    const balancer = roundRobin([one, two, three]);
    assert.equal(pick(balancer, [one]), two);
    assert.equal(pick(balancer, [one, two]), three);
    assert.equal(pick(balancer), one);
    assert.equal(balancer.pick(request, [one, two, three]), undefined);
  });

  it('keeps its precision when the virtual clock starts again', () => {
    const endpoints = sampleEndpoints([1, 2]);
    const balancer = roundRobin(endpoints);
    for (let count = 0; count < 3 * 2 ** 20 - 300; count += 1) balancer.pick(request, []);
    const counts = countBy(picks(balancer, 600));
    assert.deepEqual(
      endpoints.map((endpoint) => counts.get(endpoint)),
      [200, 400],
    );
  });
});
