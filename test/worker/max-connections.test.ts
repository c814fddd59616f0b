import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { descriptorLimit, workerMaxConnections } from '../../src/worker/max-connections.ts';

const worker = (index: number, count: number) => ({ index, count });

describe("a worker's most connections", () => {
  test('add up to the limit over all workers', () => {
    const shares = [0, 1, 2, 3].map((index) => workerMaxConnections(10, worker(index, 4), undefined));
    assert.deepEqual(shares, [3, 3, 2, 2]);
  });

  test('are one at least: none would leave its share of clients waiting', () => {
    assert.equal(workerMaxConnections(1, worker(3, 4), undefined), 1);
  });

  test('are what its descriptors carry, two for each', () => {
    assert.equal(workerMaxConnections(undefined, worker(0, 1), 20_512), 10_000);
    assert.equal(workerMaxConnections(1_000_000, worker(0, 1), 20_512), 10_000);
  });

  test('leave a small descriptor limit something for the rest', () => {
    assert.equal(workerMaxConnections(undefined, worker(0, 1), 256), 64);
  });

  test('have no bound where none is known', () => {
    assert.equal(workerMaxConnections(undefined, worker(0, 1), undefined), undefined);
  });

  test('the descriptor limit is known on Linux', {
    skip: process.platform === 'linux' ? false : 'read from /proc',
  }, () => {
    assert.ok((descriptorLimit() ?? Number.POSITIVE_INFINITY) > 0);
  });
});
