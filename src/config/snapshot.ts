import type { PackedRoutes } from '../routing/packed-routes.ts';
import type { RouteCriteria } from '../routing/route-criteria.ts';

/**
 * The configuration as the workers use it: validated, defaults filled in, units resolved. Plain data, so that it
 * crosses a process boundary; never changed once made. Live connections keep the snapshot they started with.
 */
export interface Snapshot {
  /** SHA-256 of the normalised configuration, hex: equal configurations have equal hashes. */
  readonly hash: string;
  readonly workers: number;
  readonly dataPlane: 'auto' | 'native' | 'portable';
  readonly listeners: readonly ListenerSnapshot[];
  /** A `RouteList` and a `RouteTable` of `RouteAction`s read them. */
  readonly routes: PackedRoutes;
  readonly upstreams: readonly UpstreamSnapshot[];
  readonly limits: LimitsSnapshot;
  readonly timeouts: TimeoutsSnapshot;
  readonly admin: AdminSnapshot | undefined;
  readonly log: { readonly level: LogLevel; readonly access: string };
  readonly user: string | undefined;
  readonly watch: boolean;
}

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error';

export interface ListenerSnapshot {
  readonly name: string;
  /** An IP address or a name to bind; undefined: every IPv4 and IPv6 address. */
  readonly host: string | undefined;
  /** 0: an ephemeral port. */
  readonly port: number;
  /** CIDR prefixes whose peers must start with a PROXY header; undefined: nobody may. */
  readonly acceptProxyFrom: readonly string[] | undefined;
  readonly helloTimeoutMs: number;
  readonly maxHelloBytes: number;
}

export interface RouteSnapshot extends RouteCriteria {
  readonly action: RouteAction;
}

export type RouteAction =
  | { readonly kind: 'forward'; readonly upstream: string }
  /** `how`: a TLS alert's number, `reset` (RST) or `close` (FIN). */
  | { readonly kind: 'reject'; readonly how: { readonly alert: number } | 'reset' | 'close' };

export interface UpstreamSnapshot {
  readonly name: string;
  readonly endpoints: readonly EndpointSnapshot[];
  readonly serverName: ServerNameUpstreamSnapshot | undefined;
  readonly balance: BalanceMethod;
  readonly connectTimeoutMs: number;
  readonly connectAttempts: number;
  readonly sendProxyProtocol: SendProxySnapshot | undefined;
  readonly maxConnections: number | undefined;
  readonly activeHealth: ActiveHealthSnapshot | undefined;
  readonly passiveHealth: PassiveHealthSnapshot | undefined;
  readonly slowStartMs: number | undefined;
}

export type BalanceMethod =
  | 'round-robin'
  | 'least-connections'
  | 'random-two-choices'
  | 'source-hash'
  | 'server-name-hash';

/** Where an upstream's endpoints come from: one address, the A and AAAA records of a name, or SRV records. */
export type EndpointSnapshot =
  | {
      readonly kind: 'address';
      readonly host: string;
      readonly port: number;
      readonly weight: number;
    }
  | { readonly kind: 'dns'; readonly name: string; readonly port: number; readonly weight: number }
  | { readonly kind: 'srv'; readonly name: string; readonly weight: number };

export interface ServerNameUpstreamSnapshot {
  readonly port: number;
  /** Server name patterns, as in routes. */
  readonly allow: readonly string[];
  readonly allowPrivate: boolean;
}

export interface SendProxySnapshot {
  readonly version: 1 | 2;
  readonly tlvs: readonly ProxyTlvName[];
}

export type ProxyTlvName = 'authority' | 'alpn' | 'unique-id' | 'crc32c' | 'ja4';

export interface ActiveHealthSnapshot {
  readonly probe: 'tcp' | 'tls';
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly healthyAfter: number;
  readonly unhealthyAfter: number;
  readonly serverName: string | undefined;
}

export interface PassiveHealthSnapshot {
  readonly failures: number;
  readonly windowMs: number;
  readonly ejectForMs: number;
  /** 0 to 1. */
  readonly maxEjectedShare: number;
}

export interface LimitsSnapshot {
  /** undefined: as many as the descriptor limit carries. */
  readonly maxConnections: number | undefined;
  readonly maxConnectionsPerSource: number | undefined;
  readonly newConnectionsPerSource: { readonly count: number; readonly perMs: number } | undefined;
}

export interface TimeoutsSnapshot {
  readonly idleMs: number;
  readonly halfClosedMs: number;
  readonly drainMs: number;
}

export interface AdminSnapshot {
  readonly address:
    | { readonly host: string | undefined; readonly port: number }
    | { readonly socketPath: string };
  readonly token: string | undefined;
}
