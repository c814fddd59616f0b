/**
 * The memory through which the native engine and JavaScript talk: a call carries no arguments, both sides read and
 * write these places of one Int32Array. The same numbers stand in `native/call_area.cc`.
 */
export const call = {
  slot: 0,
  generation: 1,
  listener: 2,
  clientFamily: 3,
  clientPort: 4,
  /** 16 bytes, network order; IPv4 uses the first four. */
  clientBytes: 5,
  /** 0: no PROXY header gave one, the socket's own address is meant. */
  destinationFamily: 9,
  destinationPort: 10,
  destinationBytes: 11,
  /** Where in scratch the handshake message starts; -1: not TLS. */
  messageOffset: 15,
  errno: 16,
  outcome: 17,
  attempts: 18,
  endedFirst: 19,
  /** As many as there are hello facts. */
  facts: 20,

  answerKind: 48,
  /** Family, port and address bytes. */
  answerEndpoint: 49,
  answerConnectTimeoutMs: 55,
  answerIdleTimeoutMs: 56,
  answerHalfClosedTimeoutMs: 57,
  answerHeaderSize: 58,
  answerHow: 59,
  answerAlert: 60,
  answerOutcome: 61,
} as const;

export const callAreaSize = 64;

/** Places in the Float64Array beside it. */
export const figure = {
  bytesUp: 0,
  bytesDown: 1,
  /** Negative: there was no hello, no connect. */
  helloMs: 2,
  connectMs: 3,
  durationMs: 4,
  afterMs: 5,
} as const;

export const figureCount = 8;

/** `Answer::Kind` in `native/policy.h`. */
export const answerKind = { pending: 0, dial: 1, reject: 2, readHello: 3, readProxyHeader: 4 } as const;

/** By `EndedFirst` in `native/policy.h`. */
export const endedFirst = [undefined, 'client', 'upstream'] as const;

/** `RejectHow` in `native/policy.h`. */
export const rejectHow = { alert: 0, close: 1, reset: 2 } as const;
