import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Endpoint } from '../../src/upstream/endpoint.ts';
import { Upstream } from '../../src/upstream/upstream.ts';

const settings = {
  name: 'shop',
  balance: 'round-robin',
  maxConnections: undefined,
  passiveHealth: undefined,
  slowStartMs: undefined,
} as const;

const address = (last: number, weight = 1) =>
  ({ address: `10.0.0.${last}`, port: 8443, family: 4, weight }) as const;

const request = { source: '192.0.2.1', serverName: undefined, nowMs: 0 };

describe('upstream', () => {
  it('chooses endpoints in turn', () => {
    const upstream = new Upstream(settings, [address(1), address(2), address(3)], Math.random);
    const keys = Array.from({ length: 6 }, () => upstream.pick(request, [])?.address);
    assert.deepEqual(keys, ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.1', '10.0.0.2', '10.0.0.3']);
  });

  it('chooses one that was not tried while there is one, then a tried one again', () => {
    const upstream = new Upstream(settings, [address(1), address(2)], Math.random);
    const tried: Endpoint[] = [];
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const endpoint = upstream.pick(request, tried);
      assert.ok(endpoint);
      tried.push(endpoint);
    }
    assert.equal(new Set(tried).size, 2);
  });
});
