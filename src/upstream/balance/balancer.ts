import type { Endpoint } from '../endpoint.ts';

/** One connection, as far as balancing looks at it. */
export interface PickRequest {
  /** The client's IP address, canonical text. */
  readonly source: string;
  readonly serverName: string | undefined;
  /** Milliseconds on any clock that does not go backwards; the same one in every call. */
  readonly nowMs: number;
}

/** Shares connections out among endpoints that are equally fit to be used. */
export interface Balancer {
  /** Replaces the candidates, or says that their weights have changed. Every weight is above 0. */
  reset(candidates: readonly Endpoint[]): void;

  /** A candidate that is not in `tried`; undefined when there is none left. */
  pick(request: PickRequest, tried: readonly Endpoint[]): Endpoint | undefined;

  /** Says that an endpoint's count of connections has changed; it may be no candidate. */
  loadChanged?(endpoint: Endpoint): void;
}
