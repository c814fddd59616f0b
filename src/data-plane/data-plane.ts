import type { ClientHello } from '../tls/client-hello.ts';
import type { Outcome } from './outcome.ts';

/**
 * A data plane accepts connections, reads their prefix (PROXY header and ClientHello), dials, and moves bytes.
 * Every choice on the way is the policy's; both planes ask the same one:
 *
 *   accept → (policy.accepted) → (PROXY header) → hello → policy.hello → dial → forward → policy.ended
 *                                                            ↑ policy.dialFailed ┴─┘ reset before its first byte
 *
 * What the client sent before forwarding is kept until something else comes, from either side: an upstream that is
 * reset before then counts as a dial that failed, with `ECONNRESET`, and nothing of it is passed on to the client.
 */
export interface DataPlane {
  readonly kind: 'native' | 'portable';

  /** Live connections: accepted, and not yet reported to `policy.ended`. */
  readonly connectionCount: number;

  /** No connection is live, and no refused client is given time (a second at most) to see why. */
  readonly isIdle: boolean;

  /**
   * Starts accepting on a bound socket. The plane owns `socket` from here on and closes it in `stopListening`;
   * the supervisor keeps a descriptor of its own, so closing this one never drops the accept queue.
   */
  listen(listener: PlaneListener, socket: ListeningSocket): void;

  /** Stops accepting on the listener; its live connections go on. */
  stopListening(listener: PlaneListener): void;

  /** Gives the decision that was `pending`. Does nothing when the connection has gone meanwhile. */
  answer(connection: Connection, decision: Decision): void;

  /** Resets both sides now (after `ended` was told with this outcome). Does nothing when it has gone already. */
  abort(connection: Connection, outcome: Outcome): void;

  /** Live connections in no particular order, for draining and for the admin page. */
  connections(): Iterable<Connection>;

  /**
   * From here on at most this many connections are live at once, and no more than `shared` allows in all processes
   * together: past either none is accepted until one ends.
   */
  setMaxConnections(maxConnections: number, shared?: SharedLimit): void;

  /** Stops accepting, resets what is live (outcome `drained`) and frees every descriptor. */
  close(): Promise<void>;
}

/** A limit on the live connections of several processes: `native/shared_count.h` says it all. */
export interface SharedLimit {
  readonly cells: Int32Array;
  readonly own: number;
  readonly limit: number;
  readonly doOthersWait: boolean;
  tryHold(held: number): boolean;
  hold(held: number): void;
  setWaiting(isWaiting: boolean): void;
}

/** A bound TCP socket, in whatever wrapping it came: a libuv handle received from the supervisor, or a bare descriptor. */
export type ListeningSocket = ListeningHandle | { readonly fd: number };

/** Node's own TCP handle as `process.send` carries it between processes. */
export interface ListeningHandle {
  readonly fd: number;
  close(): void;
}

/** What a plane needs to know of a listener. Compared by identity: a reload that changes it makes a new object. */
export interface PlaneListener {
  readonly name: string;
  /** From accept to the last byte of the ClientHello, PROXY header included. */
  readonly helloTimeoutMs: number;
  /** How many bytes of a ClientHello are read, record headers included, before it is refused. */
  readonly maxHelloBytes: number;
  /** Whether the policy is asked about each connection before anything is read from it. */
  readonly asksOnAccept: boolean;
}

export interface SocketAddress {
  /** Canonical text, never bracketed; an IPv4-mapped IPv6 address appears as the IPv4 address it is. */
  readonly address: string;
  readonly port: number;
  readonly family: 4 | 6;
}

/** One accepted connection as the policy sees it. The same object is passed to every call about it. */
export interface Connection {
  readonly listener: PlaneListener;
  /** The client: the socket's peer, or the source in an accepted PROXY header. */
  readonly client: SocketAddress;
  /** The address the client connected to: the socket's own, or the destination in an accepted PROXY header. */
  readonly destination: SocketAddress;
  /** Bytes so far, as in `Ending`; live connections keep counting. */
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** Milliseconds since accept. */
  readonly ageMs: number;
  /** The policy's own record of the connection; a plane never looks inside. */
  record: unknown;
}

/** The policy: one implementation, asked by both planes. No method may throw, and none may block. */
export interface Policy {
  /**
   * Asked on accept where the listener says `asksOnAccept`: what comes first on this connection.
   * `hello`: a ClientHello (or, on a listener that takes it, plain TCP); `proxy-header`: a PROXY header, then that.
   */
  accepted(connection: Connection): 'hello' | 'proxy-header' | Reject;

  /**
   * The whole ClientHello has arrived (`hello`), or the first byte showed that this is not TLS (`undefined`).
   * `hello` is valid during the call only: its bytes belong to the plane.
   */
  hello(connection: Connection, hello: ClientHello | undefined): Decision;

  /**
   * The dial that the last decision asked for has failed, or what it reached was reset before its first byte. Only
   * another `dial`, a `reject` or `pending` make sense.
   */
  dialFailed(connection: Connection, failure: DialFailure): Decision;

  /**
   * Told once for every accepted connection, whatever became of it. For a rejected one that is when the
   * rejection is sent, not when the client has gone.
   */
  ended(connection: Connection, ending: Ending): void;
}

export type Decision = Dial | Reject | Pending;

export interface Dial {
  readonly kind: 'dial';
  readonly endpoint: DialAddress;
  readonly connectTimeoutMs: number;
  readonly timeouts: ForwardTimeouts;
  /** Sent before the client's first byte: our own PROXY header. Counted in no byte counter. */
  readonly header?: Uint8Array;
}

/** An address ready to dial: no name, nothing left to resolve. */
export interface DialAddress {
  /** Canonical text of an IPv4 or IPv6 address. */
  readonly address: string;
  readonly port: number;
  readonly family: 4 | 6;
}

export interface ForwardTimeouts {
  /** No byte in either direction for this long. */
  readonly idleMs: number;
  /** This long after one side ended. */
  readonly halfClosedMs: number;
}

export interface Reject {
  readonly kind: 'reject';
  /** A fatal TLS alert (the description's number) then FIN; FIN alone; or RST. */
  readonly how: { readonly alert: number } | 'close' | 'reset';
  readonly outcome: Outcome;
}

/** The policy will call `plane.answer` later; until then nothing is read from the client. */
export interface Pending {
  readonly kind: 'pending';
}

export interface DialFailure {
  /** A Node system error code: ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, EMFILE …; ECONNRESET: it had connected. */
  readonly code: string;
  /** Milliseconds from the dial to its failure. */
  readonly afterMs: number;
}

export interface Ending {
  readonly outcome: Outcome;
  /** What the client sent after any PROXY header, the hello included. */
  readonly bytesUp: number;
  /** What was passed on to the client from the upstream. */
  readonly bytesDown: number;
  /** From accept to the whole hello; undefined when there was none. */
  readonly helloMs: number | undefined;
  /** From the first dial to the established connection, the last of them; undefined when there was none. */
  readonly connectMs: number | undefined;
  /** From accept to the end. */
  readonly durationMs: number;
  /** How many dials were made. */
  readonly attempts: number;
  /** Whose FIN or reset came first once both sides stood; undefined where neither did, as with a timeout. */
  readonly endedFirst: 'client' | 'upstream' | undefined;
}
