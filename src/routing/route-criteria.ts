/** When a route applies. Absent criteria match everything. Names of listeners are the configuration's. */
export interface RouteCriteria {
  readonly name: string;
  /** Patterns in normal form: lower case A-labels without a trailing dot; `*`, `*.suffix` or an exact name. */
  readonly serverNames?: readonly string[];
  /** How many labels the `*` of a pattern `*.suffix` stands for. */
  readonly wildcard: 'any-depth' | 'one-label';
  /** The client must offer one of these protocols. */
  readonly alpn?: readonly string[];
  /** CIDR prefixes (or bare addresses) of which one must hold the client's address. */
  readonly sources?: readonly string[];
  readonly listeners?: readonly string[];
}

/** One connection, as far as routing looks at it. Read lazily: getters that cost something are fine. */
export interface RouteQuery {
  /** The client's server name in normal form; undefined where there was none or it was malformed. */
  readonly serverName: string | undefined;
  /** Protocols offered, in the client's order. */
  readonly alpn: readonly string[];
  /** The client's IP address, canonical text; undefined where it is not known: no `sources` matches then. */
  readonly source: string | undefined;
  /** The listener's name. */
  readonly listener: string;
  /** Not TLS: only routes without `serverNames` and without `alpn` apply. */
  readonly plainTcp: boolean;
}
