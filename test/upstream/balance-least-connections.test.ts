import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { LeastConnections } from '../../src/upstream/balance/least-connections.ts';
import type { Endpoint } from '../../src/upstream/endpoint.ts';
import { imbalance } from './busy-upstream.ts';
import { countBy, sampleEndpoints, sampleRequest, worstShareError } from './samples.ts';

const request = sampleRequest();
const onlyWorker = { index: 0, count: 1 };

function leastConnections(endpoints: readonly Endpoint[], worker = onlyWorker): LeastConnections {
  const balancer = new LeastConnections(worker);
  balancer.reset(endpoints);
  return balancer;
}

function pick(balancer: LeastConnections, tried: readonly Endpoint[] = []): Endpoint {
  const endpoint = balancer.pick(request, tried);
  assert.ok(endpoint);
  return endpoint;
}

function changeLoad(balancer: LeastConnections, endpoint: Endpoint, change: number): void {
  endpoint.activeConnections += change;
  balancer.loadChanged(endpoint);
}

describe('least-connections', () => {
  it('chooses the fewest connections for the weight among what is not tried, whatever happened before', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 12 });
    const steps = fc.array(fc.record({ endpoint: fc.nat({ max: 11 }), ends: fc.boolean(), tried: fc.nat() }));
    fc.assert(
      fc.property(weights, steps, (weights, steps) => {
        const endpoints = sampleEndpoints(weights);
        const balancer = leastConnections(endpoints);
        for (const step of steps) {
          const endpoint = endpoints[step.endpoint % endpoints.length];
          if (endpoint !== undefined && step.ends && endpoint.activeConnections > 0) {
            changeLoad(balancer, endpoint, -1);
          }
          const tried = endpoints.filter((_, index) => (step.tried >> index) % 2 === 1);
          const left = endpoints.filter((each) => !tried.includes(each));
          const chosen = balancer.pick(request, tried);
          if (left.length === 0) {
            assert.equal(chosen, undefined);
            continue;
          }
          assert.ok(chosen && left.includes(chosen));
          assert.equal(chosen.load, Math.min(...left.map(({ load }) => load)));
          changeLoad(balancer, chosen, 1);
        }
      }),
    );
  });

  it('shares connections out by weight when all are idle', () => {
    const weights = [1, 2, 7];
    const endpoints = sampleEndpoints(weights);
    const balancer = leastConnections(endpoints);
    const counts = countBy(Array.from({ length: 1000 }, () => pick(balancer)));
    assert.ok(
      worstShareError(
        weights,
        endpoints.map((each) => counts.get(each) ?? 0),
      ) < 0.02,
    );
  });

  it('does not make up to an endpoint for the turns it was too busy for', () => {
    const [one, two] = sampleEndpoints([1, 1]);
    assert.ok(one && two);
    const balancer = leastConnections([one, two]);
    changeLoad(balancer, one, 1);
    for (let count = 0; count < 100; count += 1) assert.equal(pick(balancer), two);
    changeLoad(balancer, one, -1);
    const counts = countBy(Array.from({ length: 10 }, () => pick(balancer)));
    assert.ok((counts.get(one) ?? 0) <= 6);
  });

  it('starts each worker with another endpoint', () => {
    const endpoints = sampleEndpoints(Array(8).fill(1));
    const first = endpoints.map((_, index) => pick(leastConnections(endpoints, { index, count: 8 })));
    assert.equal(new Set(first).size, 8);
  });

  it('keeps account of loads and turns when it is reset', () => {
    const endpoints = sampleEndpoints([1, 1, 1]);
    const balancer = leastConnections(endpoints);
    const chosen = Array.from({ length: 6 }, () => {
      balancer.reset(endpoints);
      return pick(balancer);
    });
    assert.deepEqual([...countBy(chosen).values()], [2, 2, 2]);
    for (const endpoint of endpoints.slice(1)) endpoint.activeConnections = 1;
    balancer.reset(endpoints);
    assert.equal(pick(balancer), endpoints[0]);
  });

  it('ignores the load of an endpoint that is no candidate', () => {
    const [one, two] = sampleEndpoints([1, 1]);
    assert.ok(one && two);
    const balancer = leastConnections([one]);
    changeLoad(balancer, two, -1);
    assert.equal(pick(balancer), one);
  });

  it('levels endpoints although each worker knows its own connections only', (context) => {
    for (const workers of [1, 2, 8]) {
      const above = imbalance({
        workers,
        endpoints: 10,
        live: 1000,
        newBalancer: (worker) => new LeastConnections(worker),
      });
      context.diagnostic(`${workers} workers: busiest endpoint ${(100 * above).toFixed(1)} % above the mean`);
      assert.ok(above < 0.04);
    }
  });
});
