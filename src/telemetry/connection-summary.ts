import type { Ending, SocketAddress } from '../data-plane/data-plane.ts';
import type { ClientProfile } from '../tls/client-profile.ts';

/** All that is known of a connection once it has ended: what the access log and the metrics are made from. */
export interface ConnectionSummary {
  /** UUIDv7. */
  readonly id: string;
  readonly listener: string;
  readonly client: SocketAddress;
  /** As sent; undefined: no SNI. */
  readonly serverName: string | undefined;
  /** What else its ClientHello said; undefined: there was none, or no observer wants it. */
  readonly profile: ClientProfile | undefined;
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

/** Is told of every connection that ended, and of what its summary does not carry. */
export interface ConnectionObserver {
  /** Whether it wants `profile` in the summaries: reading it costs something. */
  readonly wantsProfile: boolean;
  /** A ClientHello has been read: the bits of `helloFeature`, and its length on the wire. */
  helloRead?(features: number, wireBytes: number): void;
  /** `endpoint` is empty where the upstream connects to whatever name is asked for; `code`: ECONNREFUSED … */
  dialFailed?(upstream: string, endpoint: string, code: string): void;
  /** What the summary does not hold as a plain value is made when it is read, which is during the call only. */
  ended(summary: ConnectionSummary): void;
}
