/**
 * How a connection ended, by the names of the access log. The order is shared with `native/outcome.h`:
 * the native plane reports an outcome as its index here.
 */
export const outcomes = [
  'ok',
  'client_reset',
  'upstream_reset',
  'idle_timeout',
  'half_closed_timeout',
  'drained',
  'not_tls',
  'malformed_hello',
  'hello_too_large',
  'hello_timeout',
  'no_route',
  'rejected',
  'upstream_unreachable',
  'upstream_full',
  'source_limited',
  'bad_proxy_header',
  'name_not_allowed',
  'client_closed_early',
] as const;

export type Outcome = (typeof outcomes)[number];
