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
  /** What the metrics have counted of its bytes while it lived. */
  readonly bytesCounted: ByteCounts | undefined;
}

export interface ByteCounts {
  readonly up: number;
  readonly down: number;
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

/** Is told of every connection that ended, and of what its summary does not carry. */
export interface ConnectionObserver {
  /** Whether it wants `hello` in the summaries: decoding it costs something. */
  readonly wantsHello: boolean;
  /** A ClientHello has been read: the bits of `helloFeature`, and its length on the wire. */
  helloRead?(features: number, wireBytes: number): void;
  /** `endpoint` is empty where the upstream connects to whatever name is asked for; `code`: ECONNREFUSED … */
  dialFailed?(upstream: string, endpoint: string, code: string): void;
  /** What the summary does not hold as a plain value is made when it is read, which is during the call only. */
  ended(summary: ConnectionSummary): void;
}
