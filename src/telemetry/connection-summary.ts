import type { Ending, SocketAddress } from '../data-plane/data-plane.ts';

/** All that is known of a connection once it has ended: what the access log and the metrics are made from. */
export interface ConnectionSummary {
  /** UUIDv7. */
  readonly id: string;
  readonly listener: string;
  readonly client: SocketAddress;
  /** What its ClientHello said; undefined: there was none. */
  readonly hello: HelloSummary | undefined;
  readonly route: string | undefined;
  readonly upstream: string | undefined;
  readonly endpoint: string | undefined;
  readonly ending: Ending;
}

export interface HelloSummary {
  /** As sent; undefined: no SNI. */
  readonly serverName: string | undefined;
  /** In the client's order. */
  readonly alpn: readonly string[];
  /** The highest offered: `1.3`, `1.2` … */
  readonly tlsVersion: string;
  readonly ja4: string;
  /** Whether an encrypted ClientHello was offered. */
  readonly ech: boolean;
}

/** Is told of every connection that ended. */
export interface ConnectionObserver {
  /** Whether it wants `hello` in the summaries: decoding it costs something. */
  readonly wantsHello: boolean;
  ended(summary: ConnectionSummary): void;
}
