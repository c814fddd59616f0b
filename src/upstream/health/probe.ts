import type { ActiveHealthSnapshot } from '../../config/snapshot.ts';
import type { DialAddress } from '../../data-plane/data-plane.ts';

/** Probes one endpoint once. Never rejects; holds no socket or timer once `signal` is aborted. */
export type Probe = (
  endpoint: DialAddress,
  settings: ActiveHealthSnapshot,
  signal: AbortSignal,
) => Promise<ProbeResult>;

/** `why` is for people: a few words, without the endpoint's name. */
export type ProbeResult =
  | { readonly kind: 'passed'; readonly why: string; readonly shown: ShownByTls | undefined }
  | { readonly kind: 'failed'; readonly why: string }
  /** Says nothing about the endpoint: this machine was short of something, or the probe was given up. */
  | { readonly kind: 'inconclusive'; readonly why: string };

/** What a TLS handshake showed. */
export interface ShownByTls {
  /** `TLSv1.2` or `TLSv1.3`; undefined where the handshake ended before it was settled. */
  readonly version: string | undefined;
  /** The server certificate's notAfter, in milliseconds since the epoch. */
  readonly certificateExpiresAtMs: number | undefined;
}
