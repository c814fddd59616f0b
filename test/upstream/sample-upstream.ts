import assert from 'node:assert/strict';
import type { Endpoint, EndpointSettings } from '../../src/upstream/endpoint.ts';
import { Upstream, type UpstreamSettings } from '../../src/upstream/upstream.ts';
import { countBy, sampleRequest, sampleUpstream, seededRandom } from './samples.ts';

export function newUpstream(
  endpoints: readonly EndpointSettings[],
  more: Partial<UpstreamSettings> = {},
): Upstream {
  return new Upstream(sampleUpstream(more), endpoints, seededRandom(1));
}

export function pick(upstream: Upstream, tried: readonly Endpoint[] = [], nowMs = 0): Endpoint {
  const endpoint = upstream.pick(sampleRequest({ nowMs }), tried);
  assert.ok(endpoint);
  return endpoint;
}

/** Dials and fails thrice, of which the third time ejects the endpoint. */
export function failUntilEjected(upstream: Upstream, endpoint: Endpoint, nowMs: number): void {
  for (let failure = 1; failure <= 3; failure += 1) {
    upstream.dialled(endpoint);
    assert.equal(upstream.dialFailed(endpoint, nowMs), failure === 3);
  }
}

/** The parts of `count` connections that each endpoint gets, in the order of the endpoints. */
export function counts(upstream: Upstream, count: number, nowMs = 0): number[] {
  const picked = countBy(
    Array.from({ length: count }, (_, index) => {
      const source = `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;
      return upstream.pick(sampleRequest({ source, serverName: undefined, nowMs }), []);
    }),
  );
  return [...upstream.endpoints(nowMs)].map((endpoint) => picked.get(endpoint) ?? 0);
}
