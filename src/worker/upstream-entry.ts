import { isIPv4, isIPv6 } from 'node:net';
import type { UpstreamSnapshot } from '../config/snapshot.ts';
import type { EndpointSettings } from '../upstream/endpoint.ts';
import { Upstream } from '../upstream/upstream.ts';
import type { WorkerSlot } from '../upstream/worker-slot.ts';

/** An upstream as configured and as it is now. */
export interface UpstreamEntry {
  readonly settings: UpstreamSnapshot;
  readonly upstream: Upstream;
}

export function createUpstreamEntry(settings: UpstreamSnapshot, worker: WorkerSlot): UpstreamEntry {
  return { settings, upstream: new Upstream(settings, fixedEndpoints(settings), Math.random, worker) };
}

/** The endpoints that need no resolving. */
export function fixedEndpoints(settings: UpstreamSnapshot): EndpointSettings[] {
  return settings.endpoints.flatMap((endpoint): EndpointSettings[] => {
    if (endpoint.kind !== 'address') return [];
    const { host: address, port, weight } = endpoint;
    if (isIPv4(address)) return [{ address, port, weight, family: 4 }];
    if (isIPv6(address)) return [{ address, port, weight, family: 6 }];
    return [];
  });
}
