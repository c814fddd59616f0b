import type { RouteAction } from '../config/snapshot.ts';
import type { Connection, DialAddress, ForwardTimeouts } from '../data-plane/data-plane.ts';
import type { RouteHead } from '../routing/route-list.ts';
import type { ByteCounts } from '../telemetry/connection-summary.ts';
import type { ClientProfile } from '../tls/client-profile.ts';
import type { Endpoint } from '../upstream/endpoint.ts';
import type { CountedSource } from '../upstream/source-limits.ts';
import { newConnectionId } from './connection-id.ts';
import type { UpstreamEntry } from './upstream-entry.ts';

const none: readonly never[] = [];

/** What the policy remembers of one connection between the calls about it. */
export class ConnectionRecord {
  #id: string | undefined;
  /** The client speaks no TLS. */
  isPlainTcp = false;
  /** Read where somebody wants it. */
  profile: ClientProfile | undefined;
  route: RouteHead<RouteAction> | undefined;
  upstream: UpstreamEntry | undefined;
  /** As they were configured when its upstream was found. */
  timeouts: ForwardTimeouts | undefined;
  /** The endpoint that is being dialled or stands; it counts this connection until it is let go. */
  endpoint: Endpoint | undefined;
  /** Endpoints dialled in vain. */
  tried: readonly Endpoint[] = none;
  /** Instead of endpoints: what the name that the client asked for resolved to. */
  addresses: readonly DialAddress[] = none;
  /** What was dialled last, as the access log shows it. */
  dialled: DialAddress | undefined;
  dials = 0;
  /** What the limits on sources count this connection for. */
  countedSource: CountedSource | undefined;
  /** The name that hashing and PROXY headers use: normal form, and as sent. */
  serverName: string | undefined;
  sentServerName: string | undefined;
  /** What the metrics have counted of its bytes while it lives. */
  bytesCounted: ByteCounts | undefined;

  /** UUIDv7, made when first asked for. */
  get id(): string {
    this.#id ??= newConnectionId();
    return this.#id;
  }
}

/** Undefined: the policy has not been asked about the connection. */
export function recordOf(connection: Connection): ConnectionRecord | undefined {
  return connection.record instanceof ConnectionRecord ? connection.record : undefined;
}
