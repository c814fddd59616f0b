import type { ServerNameUpstreamSnapshot, UpstreamSnapshot } from '../config/snapshot.ts';
import { canonicalAddress } from '../upstream/dns/canonical-address.ts';
import type { EndpointSettings } from '../upstream/endpoint.ts';
import { Upstream } from '../upstream/upstream.ts';
import type { WorkerSlot } from '../upstream/worker-slot.ts';
import type { ServerNameTargets } from './server-name-targets.ts';

/** An upstream as configured and as it is now. Connections keep theirs; a reload makes a new one for those to come. */
export interface UpstreamEntry {
  readonly settings: UpstreamSnapshot;
  /** The same for every entry of the name. */
  readonly upstream: Upstream;
  /** Instead of endpoints, where it connects to the name that the client asks for. */
  readonly serverNames: ServerNameTargets | undefined;
}

/** `before`: the entry of this name until now; its upstream goes on with the new settings. */
export function createUpstreamEntry(
  settings: UpstreamSnapshot,
  before: UpstreamEntry | undefined,
  worker: WorkerSlot,
  newTargets: (settings: ServerNameUpstreamSnapshot) => ServerNameTargets,
): UpstreamEntry {
  before?.upstream.configure(settings, performance.now());
  const upstream = before?.upstream ?? new Upstream(settings, fixedEndpoints(settings), Math.random, worker);
  return { settings, upstream, serverNames: settings.serverName && newTargets(settings.serverName) };
}

/** The endpoints that need no resolving; the supervisor tells of the others once it has looked them up. */
function fixedEndpoints(settings: UpstreamSnapshot): EndpointSettings[] {
  return settings.endpoints.flatMap((endpoint): EndpointSettings[] => {
    if (endpoint.kind !== 'address') return [];
    const resolved = canonicalAddress(endpoint.host);
    return resolved ? [{ ...resolved, port: endpoint.port, weight: endpoint.weight }] : [];
  });
}
