import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { addressWeights } from '../../src/upstream/dns/service-weights.ts';

/** Services of one priority, as `[weight, count of addresses]`. */
function services(...shapes: readonly (readonly [number, number])[]) {
  return shapes.map(([weight, count]) => ({
    priority: 0,
    weight,
    port: 443,
    addresses: Array.from({ length: count }, (_, index) => ({
      address: `192.0.2.${index}`,
      family: 4 as const,
    })),
  }));
}

describe('the weights of SRV targets', () => {
  it('are the records own where each has one address', () => {
    assert.deepEqual(addressWeights(services([10, 1], [30, 1]), 1), [10, 30]);
    assert.deepEqual(addressWeights(services([10, 1], [30, 1]), 2), [20, 60]);
  });

  it('are shared by a target s addresses', () => {
    assert.deepEqual(addressWeights(services([10, 2], [10, 1]), 1), [10, 20]);
    assert.deepEqual(addressWeights(services([10, 2], [10, 3], [10, 0]), 1), [30, 20, 60]);
    assert.deepEqual(addressWeights(services([10, 2], [30, 2]), 1), [10, 30]);
  });

  it('are equal where all are 0', () => {
    assert.deepEqual(addressWeights(services([0, 1], [0, 1]), 1), [1, 1]);
  });

  it('leave a very small chance to one of 0 beside others', () => {
    assert.deepEqual(addressWeights(services([0, 1], [5, 1], [10, 1]), 1), [5, 500, 1000]);
  });

  it('never exceed what a weight may be, and never reach 0', () => {
    assert.deepEqual(addressWeights(services([65_535, 1], [1, 1]), 65_535), [65_535, 1]);
    assert.deepEqual(addressWeights(services([65_535, 1], [0, 1]), 1), [65_535, 655]);
  });

  it('are 0 where the configuration says 0', () => {
    assert.deepEqual(addressWeights(services([10, 1], [0, 1]), 0), [0, 0]);
  });
});
