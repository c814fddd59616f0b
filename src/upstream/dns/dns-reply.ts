import type { AddressRecord, DnsRecord } from './dns-record.ts';

/** What a message means to whoever asked. `code` and `why` are those of `DnsProblem`. */
export type DnsReply =
  | {
      readonly kind: 'records';
      readonly records: readonly DnsRecord[];
      /** Addresses that came along, in the additional section. */
      readonly additional: readonly AddressRecord[];
      /** The least TTL of everything in it. */
      readonly ttlSeconds: number;
    }
  /** The name is another's alias, and the answer did not go on to that other's records. */
  | { readonly kind: 'alias'; readonly target: string; readonly ttlSeconds: number }
  /** There are no such records. `ttlSeconds` is undefined where the server does not say for how long. */
  | {
      readonly kind: 'none';
      readonly code: 'ENOTFOUND' | 'ENODATA';
      readonly ttlSeconds: number | undefined;
    }
  | { readonly kind: 'truncated' }
  | { readonly kind: 'failed'; readonly code: string; readonly why: string }
  /** Not an answer to this query at all. */
  | { readonly kind: 'foreign' };

/** What one server says in the end. */
export type ServerReply = Exclude<DnsReply, { kind: 'truncated' | 'foreign' }>;

/** What asking for a name comes to. */
export type DnsOutcome = Exclude<ServerReply, { kind: 'alias' }>;

export type DnsFailure = Extract<DnsReply, { kind: 'failed' }>;
