import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { AliasTable } from '../../src/upstream/balance/alias-table.ts';
import { RandomTwoChoices } from '../../src/upstream/balance/random-two-choices.ts';
import type { Endpoint } from '../../src/upstream/endpoint.ts';
import { imbalance } from './busy-upstream.ts';
import { countBy, sampleEndpoints, sampleRequest, seededRandom, worstShareError } from './samples.ts';

const request = sampleRequest();

function twoChoices(endpoints: readonly Endpoint[]): RandomTwoChoices {
  const balancer = new RandomTwoChoices(seededRandom(1));
  balancer.reset(endpoints);
  return balancer;
}

function pick(balancer: RandomTwoChoices, tried: readonly Endpoint[] = []): Endpoint {
  const endpoint = balancer.pick(request, tried);
  assert.ok(endpoint);
  return endpoint;
}

describe('random-two-choices', () => {
  it('shares connections out by weight when all are idle', (context) => {
    const weights = [1, 2, 7];
    const endpoints = sampleEndpoints(weights);
    const balancer = twoChoices(endpoints);
    const counts = countBy(Array.from({ length: 20_000 }, () => pick(balancer)));
    const error = worstShareError(
      weights,
      endpoints.map((each) => counts.get(each) ?? 0),
    );
    context.diagnostic(`worst share: ${(100 * error).toFixed(1)} % off`);
    assert.ok(error < 0.05);
  });

  it('takes the less loaded of two', () => {
    const endpoints = sampleEndpoints([1, 1]);
    const [idle, busy] = endpoints;
    assert.ok(idle && busy);
    busy.activeConnections = 1;
    const balancer = twoChoices(endpoints);
    const chosen = countBy(Array.from({ length: 1000 }, () => pick(balancer)));
    assert.ok((chosen.get(idle) ?? 0) > 950, 'only eight equal draws in a row leave the busy one');
  });

  it('chooses what is not tried while there is any, however unlikely its draw', () => {
    const endpoints = sampleEndpoints([65_535, 65_535, 1]);
    const [one, two, unlikely] = endpoints;
    assert.ok(one && two && unlikely);
    const balancer = twoChoices(endpoints);
    for (let count = 0; count < 100; count += 1) assert.equal(pick(balancer, [one, two]), unlikely);
    assert.equal(balancer.pick(request, endpoints), undefined);
  });

  it('has nothing to choose from without candidates', () => {
    assert.equal(twoChoices([]).pick(request, []), undefined);
  });

  it('levels endpoints although each worker knows its own connections only', (context) => {
    for (const workers of [1, 2, 8]) {
      const above = imbalance({
        workers,
        endpoints: 10,
        live: 1000,
        newBalancer: (_, random) => new RandomTwoChoices(random),
      });
      context.diagnostic(`${workers} workers: busiest endpoint ${(100 * above).toFixed(1)} % above the mean`);
      assert.ok(above < 0.08);
    }
  });
});

describe('alias table', () => {
  it('draws every index in proportion to its weight', () => {
    const someWeights = fc.array(fc.integer({ min: 1, max: 65_535 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(someWeights, (weights) => {
        const table = new AliasTable(weights);
        const heights = 500;
        const counts = weights.map(() => 0);
        // The whole unit square, evenly: each column at each height.
        weights.forEach((_, column) => {
          for (let height = 0; height < heights; height += 1) {
            const numbers = [(column + 0.5) / weights.length, (height + 0.5) / heights];
            const index = table.draw(() => numbers.shift() ?? 0);
            counts[index] = (counts[index] ?? 0) + 1;
          }
        });
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        weights.forEach((weight, index) => {
          const share = (counts[index] ?? 0) / (heights * weights.length);
          assert.ok(Math.abs(share - weight / total) <= 1 / heights, `${index} of ${weights}: ${share}`);
        });
      }),
    );
  });
});
