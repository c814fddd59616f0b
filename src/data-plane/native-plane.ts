import { closeSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import { ClientHello } from '../tls/client-hello.ts';
import { helloFactCount } from '../tls/hello-facts.ts';
import type {
  Connection,
  DataPlane,
  Decision,
  DialAddress,
  Ending,
  ListeningSocket,
  PlaneListener,
  Policy,
  Reject,
  SharedLimit,
} from './data-plane.ts';
import type { NativeEngine, NativeEngineAddon, NativeEngineStats } from './native-addon.ts';
import {
  answerKind,
  call,
  callAreaSize,
  endedFirst,
  figure,
  figureCount,
  rejectHow,
} from './native-call-area.ts';
import { type ConnectionSource, NativeConnection } from './native-connection.ts';
import { type Outcome, outcomes } from './outcome.ts';
import { copyIpAddress, packIpAddress, readIpAddress } from './packed-address.ts';

/** Reads pass through it, and a hello of the largest size that a listener may allow fits in whole. */
const scratchSize = 1024 * 1024 + 64 * 1024;
/** A PROXY header, version 2, with every TLV at its longest. */
const headerSize = 64 * 1024 + 16;
const maxTimerMs = 2 ** 31 - 1;

const policyFailed: Reject = { kind: 'reject', how: { alert: 80 }, outcome: 'rejected' };

export interface NativePlaneOptions {
  readonly policy: Policy;
  readonly addon: NativeEngineAddon;
  /**
   * Told when the policy throws, or asks for a dial that cannot be; by default a process warning. The connection is
   * rejected with the alert internal_error.
   */
  readonly onPolicyError?: (error: unknown) => void;
}

/** The data plane for Linux: a C++ engine that owns an epoll set, and this thin layer that asks the policy for it. */
export class NativePlane implements DataPlane {
  readonly kind = 'native';
  readonly #policy: Policy;
  readonly #onPolicyError: (error: unknown) => void;
  readonly #engine: NativeEngine;
  readonly #scratch = new Uint8Array(scratchSize);
  #message = this.#scratch;
  readonly #calls = new Int32Array(callAreaSize);
  readonly #facts = this.#calls.subarray(call.facts, call.facts + helloFactCount);
  readonly #figures = new Float64Array(figureCount);
  readonly #header = new Uint8Array(headerSize);
  /** By the index the engine knows them by; a stopped listener stays, since connections still name it. */
  readonly #listeners: PlaneListener[] = [];
  readonly #sockets = new Map<PlaneListener, ListeningSocket>();
  /** By slot. A connection that the policy has not been asked about is not here. */
  readonly #connections: (NativeConnection | undefined)[] = [];
  readonly #packedAddresses = new WeakMap<DialAddress, Int32Array>();
  #closed: Promise<void> | undefined;

  constructor(options: NativePlaneOptions) {
    this.#policy = options.policy;
    this.#onPolicyError = options.onPolicyError ?? warn;
    this.#engine = new options.addon.Engine({
      scratch: this.#scratch,
      calls: this.#calls,
      figures: this.#figures,
      header: this.#header,
      accepted: () => this.#accepted(),
      hello: () => this.#hello(),
      dialFailed: () => this.#dialFailed(),
      ended: () => this.#ended(),
    });
  }

  get connectionCount(): number {
    return this.#engine.liveCount();
  }

  get isIdle(): boolean {
    return this.#engine.openCount() === 0;
  }

  get stats(): NativeEngineStats {
    return this.#engine.stats();
  }

  listen(listener: PlaneListener, socket: ListeningSocket): void {
    const known = this.#listeners.lastIndexOf(listener);
    const index = known === -1 ? this.#listeners.push(listener) - 1 : known;
    const helloTimeoutMs = Math.min(listener.helloTimeoutMs, maxTimerMs);
    this.#engine.listen(socket.fd, index, helloTimeoutMs, listener.maxHelloBytes, listener.asksOnAccept);
    this.#sockets.set(listener, socket);
  }

  stopListening(listener: PlaneListener): void {
    this.#engine.stopListening(this.#listeners.lastIndexOf(listener));
    const socket = this.#sockets.get(listener);
    this.#sockets.delete(listener);
    if (socket === undefined) return;
    if ('close' in socket) socket.close();
    else closeSync(socket.fd);
  }

  answer(connection: Connection, decision: Decision): void {
    if (!(connection instanceof NativeConnection)) return;
    this.#write(decision);
    this.#engine.answer(connection.slot, connection.generation);
  }

  abort(connection: Connection, outcome: Outcome): void {
    if (!(connection instanceof NativeConnection)) return;
    this.#engine.abort(connection.slot, connection.generation, outcomes.indexOf(outcome));
  }

  *connections(): Iterable<Connection> {
    const ids = this.#engine.live();
    for (let i = 0; i < ids.length; i += 2) {
      if (this.#engine.view(ids[i] ?? 0, ids[i + 1] ?? 0)) yield this.#connection();
    }
  }

  setMaxConnections(maxConnections: number, shared?: SharedLimit): void {
    this.#engine.setMaxConnections(Math.min(maxConnections, 2 ** 32 - 1));
    this.#engine.shareMaxConnections(shared?.cells, shared?.own ?? 0, shared?.limit ?? 0);
  }

  close(): Promise<void> {
    if (this.#closed === undefined) {
      const { promise, resolve } = withResolver();
      // Before anything is told: the policy may close, too.
      this.#closed = promise;
      for (const listener of [...this.#sockets.keys()]) this.stopListening(listener);
      this.#engine.close(outcomes.indexOf('drained'), resolve);
    }
    return this.#closed;
  }

  #accepted(): void {
    this.#ask((connection) => {
      const answer = this.#policy.accepted(connection);
      if (typeof answer !== 'string') return this.#write(answer);
      this.#calls[call.answerKind] =
        answer === 'proxy-header' ? answerKind.readProxyHeader : answerKind.readHello;
    });
  }

  #hello(): void {
    this.#ask((connection) => {
      const at = this.#calls[call.messageOffset] ?? -1;
      const hello = at < 0 ? undefined : new ClientHello(this.#scratchFrom(at), this.#facts);
      this.#write(this.#policy.hello(connection, hello));
    });
  }

  /** Most hellos come whole and in one record, and so start where the last one did. */
  #scratchFrom(offset: number): Uint8Array {
    if (this.#message.byteOffset !== offset) this.#message = this.#scratch.subarray(offset);
    return this.#message;
  }

  #dialFailed(): void {
    this.#ask((connection) => {
      const code = getSystemErrorName(-(this.#calls[call.errno] ?? 0));
      const afterMs = this.#figures[figure.afterMs] ?? 0;
      this.#write(this.#policy.dialFailed(connection, { code, afterMs }));
    });
  }

  /** Leaves an answer in the call area, whatever the policy does. */
  #ask(question: (connection: NativeConnection) => void): void {
    try {
      question(this.#connection());
    } catch (error) {
      this.#write(policyFailed);
      this.#onPolicyError(error);
    }
  }

  #ended(): void {
    const connection = this.#connection();
    const figures = this.#figures;
    const ending: Ending = {
      outcome: outcomes[this.#calls[call.outcome] ?? 0] ?? 'ok',
      bytesUp: figures[figure.bytesUp] ?? 0,
      bytesDown: figures[figure.bytesDown] ?? 0,
      helloMs: unlessNegative(figures[figure.helloMs]),
      connectMs: unlessNegative(figures[figure.connectMs]),
      durationMs: figures[figure.durationMs] ?? 0,
      attempts: this.#calls[call.attempts] ?? 0,
      endedFirst: endedFirst[this.#calls[call.endedFirst] ?? 0],
    };
    connection.noteEnd(ending, copyIpAddress(this.#calls, call.clientFamily));
    this.#connections[connection.slot] = undefined;
    try {
      this.#policy.ended(connection, ending);
    } catch (error) {
      this.#onPolicyError(error);
    }
  }

  /** The connection that the call area speaks of. */
  #connection(): NativeConnection {
    const slot = this.#calls[call.slot] ?? 0;
    const generation = (this.#calls[call.generation] ?? 0) >>> 0;
    let connection = this.#connections[slot];
    if (connection?.generation !== generation) {
      const listener = this.#listeners[this.#calls[call.listener] ?? 0];
      if (!listener) throw new Error('the engine names a listener that it was never given');
      connection = new NativeConnection(slot, generation, listener, this.#source);
      this.#connections[slot] = connection;
    }
    return connection;
  }

  readonly #source: ConnectionSource = {
    progress: ({ slot, generation }) => {
      if (!this.#engine.progress(slot, generation)) return undefined;
      return {
        bytesUp: this.#figures[figure.bytesUp] ?? 0,
        bytesDown: this.#figures[figure.bytesDown] ?? 0,
        ageMs: this.#figures[figure.durationMs] ?? 0,
      };
    },
    client: ({ slot, generation }) =>
      this.#engine.view(slot, generation) ? readIpAddress(this.#calls, call.clientFamily) : undefined,
    destination: ({ slot, generation }) =>
      this.#engine.destination(slot, generation)
        ? readIpAddress(this.#calls, call.destinationFamily)
        : undefined,
  };

  #write(decision: Decision): void {
    const calls = this.#calls;
    switch (decision.kind) {
      case 'pending':
        calls[call.answerKind] = answerKind.pending;
        return;
      case 'reject':
        calls[call.answerKind] = answerKind.reject;
        calls[call.answerHow] = typeof decision.how === 'object' ? rejectHow.alert : rejectHow[decision.how];
        calls[call.answerAlert] = typeof decision.how === 'object' ? decision.how.alert : 0;
        calls[call.answerOutcome] = outcomes.indexOf(decision.outcome);
        return;
      case 'dial':
        calls[call.answerKind] = answerKind.dial;
        calls.set(this.#packed(decision.endpoint), call.answerEndpoint);
        calls[call.answerConnectTimeoutMs] = Math.min(decision.connectTimeoutMs, maxTimerMs);
        calls[call.answerIdleTimeoutMs] = Math.min(decision.timeouts.idleMs, maxTimerMs);
        calls[call.answerHalfClosedTimeoutMs] = Math.min(decision.timeouts.halfClosedMs, maxTimerMs);
        calls[call.answerHeaderSize] = decision.header?.length ?? 0;
        if (decision.header) this.#header.set(decision.header);
        return;
    }
  }

  #packed(address: DialAddress): Int32Array {
    let packed = this.#packedAddresses.get(address);
    if (!packed) {
      packed = packIpAddress(address);
      this.#packedAddresses.set(address, packed);
    }
    return packed;
  }
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error));
}

function withResolver(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

function unlessNegative(ms = -1): number | undefined {
  return ms < 0 ? undefined : ms;
}
