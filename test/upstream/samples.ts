import type { PickRequest } from '../../src/upstream/balance/balancer.ts';
import { Endpoint, type EndpointSettings } from '../../src/upstream/endpoint.ts';
import type { UpstreamSettings } from '../../src/upstream/upstream.ts';

/** The endpoint 10.0.x.y:8443 for each number. */
export function sampleSettings(number: number, more: Partial<EndpointSettings> = {}): EndpointSettings {
  return { address: `10.0.${number >> 8}.${number & 255}`, port: 8443, family: 4, weight: 1, ...more };
}

/** One endpoint for each weight, numbered from 1. */
export function sampleEndpoints(weights: readonly number[]): Endpoint[] {
  return weights.map((weight, index) => new Endpoint(sampleSettings(index + 1, { weight })));
}

export function sampleRequest(more: Partial<PickRequest> = {}): PickRequest {
  return { source: '192.0.2.1', serverName: 'shop.example.com', nowMs: 0, ...more };
}

export function sampleUpstream(more: Partial<UpstreamSettings> = {}): UpstreamSettings {
  return {
    name: 'shop',
    balance: 'round-robin',
    maxConnections: undefined,
    passiveHealth: undefined,
    slowStartMs: undefined,
    ...more,
  };
}

/** Mulberry32: the same numbers from 0 up to 1 for the same seed, so that what is measured is the same each time. */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function countBy<Item>(items: Iterable<Item>): Map<Item, number> {
  const counts = new Map<Item, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}

/** The largest part by which a count misses the share its weight asks for. */
export function worstShareError(weights: readonly number[], counts: readonly number[]): number {
  const totalWeight = weights.reduce((sum, weight) => sum + weight, 0);
  const total = counts.reduce((sum, count) => sum + count, 0);
  const errors = weights.map((weight, index) => {
    const expected = (total * weight) / totalWeight;
    return Math.abs((counts[index] ?? 0) - expected) / expected;
  });
  return Math.max(...errors);
}
