import type { EndpointSnapshot } from '../../config/snapshot.ts';
import { endpointKey } from '../endpoint.ts';
import type { ResolvedAddress } from './canonical-address.ts';
import type { DiscoveredEndpoint } from './discovered-endpoint.ts';
import type { LookupState, NameLookup, ResolvedService } from './name-lookup.ts';
import { addressWeights } from './service-weights.ts';

export interface SourceLookup extends LookupState {
  /** In an order of their own, so that a server that rotates its answers changes nothing. */
  readonly endpoints: readonly DiscoveredEndpoint[];
}

/** The name that a source has to look up, for people. */
export function sourceName(source: EndpointSnapshot): string {
  return source.kind === 'address' ? source.host : source.name;
}

/** What a source's name stands for now. Never rejects. */
export async function lookUpSource(source: EndpointSnapshot, names: NameLookup): Promise<SourceLookup> {
  if (source.kind === 'srv') {
    const { services, ...state } = await names.services(source.name);
    return { endpoints: inOrder(serviceEndpoints(services, source.weight)), ...state };
  }
  const { addresses, ...state } = await names.addresses(sourceName(source));
  const { port, weight } = source;
  return { endpoints: inOrder(addresses.map((address) => toEndpoint(address, port, weight, 0))), ...state };
}

function serviceEndpoints(services: readonly ResolvedService[], sourceWeight: number): DiscoveredEndpoint[] {
  const priorities = new Set(services.map((service) => service.priority));
  return [...priorities].flatMap((priority) => {
    const peers = services.filter((service) => service.priority === priority);
    const weights = addressWeights(peers, sourceWeight);
    return peers.flatMap(({ addresses, port }, index) =>
      addresses.map((address) => toEndpoint(address, port, weights[index] ?? 0, priority)),
    );
  });
}

export function toEndpoint(
  { address, family }: ResolvedAddress,
  port: number,
  weight: number,
  priority: number,
): DiscoveredEndpoint {
  return { key: endpointKey({ address, port, family }), address, port, family, weight, priority };
}

/** Sorted, and of endpoints with one key the first alone: the one of the best priority. */
function inOrder(endpoints: readonly DiscoveredEndpoint[]): DiscoveredEndpoint[] {
  const sorted = [...endpoints].sort(
    (a, b) => a.priority - b.priority || b.weight - a.weight || (a.key < b.key ? -1 : 1),
  );
  const byKey = new Map<string, DiscoveredEndpoint>();
  for (const endpoint of sorted) {
    if (!byKey.has(endpoint.key)) {
      byKey.set(endpoint.key, endpoint);
    }
  }
  return [...byKey.values()];
}
