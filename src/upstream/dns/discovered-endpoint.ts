import type { DialAddress } from '../../data-plane/data-plane.ts';

/** One endpoint as a source gives it now. */
export interface DiscoveredEndpoint extends DialAddress {
  /** As `endpointKey` writes it; no two endpoints of one source have the same. */
  readonly key: string;
  /** 0 to 65535; 0 gets no new connections. */
  readonly weight: number;
  /** As in SRV records: a lower one is used first. 0 where the source knows none. */
  readonly priority: number;
}
