/** A connection that has not ended, as `/connections` shows it. Plain data; null where there is nothing to say. */
export interface LiveConnection {
  /** UUIDv7, as the access log will have it. */
  readonly id: string;
  readonly listener: string;
  /** `ip:port`. */
  readonly client: string;
  /** As sent. */
  readonly serverName: string | null;
  readonly route: string | null;
  readonly upstream: string | null;
  readonly endpoint: string | null;
  readonly bytesUp: number;
  readonly bytesDown: number;
  readonly ageMs: number;
}
