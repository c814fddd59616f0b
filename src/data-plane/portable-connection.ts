import type { Socket } from 'node:net';
import { encodeAlert } from '../tls/alert.ts';
import type {
  Connection,
  Decision,
  Dial,
  DialFailure,
  Ending,
  PlaneListener,
  Policy,
  Reject,
  SocketAddress,
} from './data-plane.ts';
import type { Outcome } from './outcome.ts';
import { dial, type PortableDial } from './portable-dial.ts';
import { PortableForwarding } from './portable-forwarding.ts';
import { type Prefix, PrefixReader } from './portable-prefix.ts';
import type { Member } from './portable-roster.ts';
import { closeLingering, localAddress, reset, wasReset } from './portable-socket.ts';
import { PortableTimer } from './portable-timer.ts';

/** Of a socket that was reset before it was accepted. */
const unknownAddress: SocketAddress = { address: '0.0.0.0', port: 0, family: 4 };

const lateHello: Prefix = {
  kind: 'refused',
  reject: { kind: 'reject', how: 'close', outcome: 'hello_timeout' },
};

export interface AcceptedSocket {
  readonly listener: PlaneListener;
  /** Paused, and nothing has been read from it. */
  readonly client: Socket;
  /** The client's; undefined: it was reset before it was accepted. */
  readonly address: SocketAddress | undefined;
}

/** Called once, by whatever ends the connection first. */
export type OnConnectionEnded = (connection: PortableConnection, ending: Ending) => void;

/** One accepted connection. */
export class PortableConnection implements Connection, Member {
  readonly listener: PlaneListener;
  record: unknown;
  place = -1;
  readonly #socket: Socket;
  readonly #policy: Policy;
  readonly #onEnded: OnConnectionEnded;
  readonly #timer = new PortableTimer();
  readonly #acceptedAt = performance.now();
  #client: SocketAddress;
  #destination: SocketAddress | undefined;
  #prefix: PrefixReader | undefined;
  #prefixBytes = 0;
  /** Whether all of the prefix has come: a client that goes before has closed early. */
  #isWhole = false;
  #helloMs: number | undefined;
  #resolveAnswer: ((decision: Decision) => void) | undefined;
  #attempts = 0;
  #firstDialedAt = 0;
  #dialed: PortableDial | undefined;
  #connectMs: number | undefined;
  #forwarding: PortableForwarding | undefined;
  #hasEnded = false;

  /** `policy` never throws. */
  constructor({ listener, client, address }: AcceptedSocket, policy: Policy, onEnded: OnConnectionEnded) {
    this.listener = listener;
    this.#socket = client;
    this.#policy = policy;
    this.#onEnded = onEnded;
    this.#client = address ?? unknownAddress;
    client.on('error', this.#onClientError);
    client.on('end', this.#onClientEnd);
  }

  /** The connection's life, from accept to close. At each question and wait it may end otherwise; then nothing is left to do. */
  async live(): Promise<void> {
    const first = this.listener.asksOnAccept ? this.#policy.accepted(this) : 'hello';
    if (typeof first === 'object') return this.#reject(first);
    if (this.#hasEnded) return;

    const prefix = await this.#readPrefix(first === 'proxy-header');
    if (prefix.kind === 'refused') return this.#reject(prefix.reject);
    if (this.#hasEnded) return;

    this.#isWhole = true;
    if (prefix.hello !== undefined) this.#helloMs = this.ageMs;
    let decision = this.#policy.hello(this, prefix.hello);
    this.#prefix?.forgetHello();
    while (!this.#hasEnded) {
      if (decision.kind === 'reject') return this.#reject(decision);
      if (decision.kind === 'pending') {
        decision = await this.#answer();
        continue;
      }
      const failure = await this.#dial(decision);
      if (this.#hasEnded) return;
      const end = failure ?? (await this.#forward(decision));
      if (typeof end === 'string') return this.#end(end);
      if (this.#hasEnded) return;
      decision = this.#policy.dialFailed(this, end);
    }
  }

  /** The policy's word after `pending`; a second one resolves nothing. */
  answer(decision: Decision): void {
    this.#resolveAnswer?.(decision);
  }

  abort(outcome: Outcome): void {
    if (this.#hasEnded) return;
    this.#end(outcome);
    reset(this.#socket);
    if (this.#dialed !== undefined) reset(this.#dialed.socket);
  }

  get client(): SocketAddress {
    return this.#client;
  }

  get destination(): SocketAddress {
    this.#destination ??= localAddress(this.#socket);
    return this.#destination ?? unknownAddress;
  }

  get bytesUp(): number {
    return this.#prefixBytes + (this.#forwarding?.up.receivedBytes ?? 0);
  }

  get bytesDown(): number {
    return this.#forwarding?.down.sentBytes ?? 0;
  }

  get ageMs(): number {
    return performance.now() - this.#acceptedAt;
  }

  #readPrefix(expectsProxyHeader: boolean): Promise<Prefix> {
    const socket = this.#socket;
    const reader = new PrefixReader(this.listener.maxHelloBytes, expectsProxyHeader);
    this.#prefix = reader;
    return new Promise((resolve) => {
      const onChunk = (chunk: Buffer) => {
        const prefix = reader.push(chunk);
        this.#notePrefix(reader);
        if (prefix === undefined) return;
        socket.off('data', onChunk);
        socket.on('data', this.#onEarlyChunk);
        this.#timer.disarm();
        resolve(prefix);
      };
      socket.on('data', onChunk);
      socket.resume();
      this.#timer.arm(this.listener.helloTimeoutMs, () => resolve(lateHello));
    });
  }

  /**
   * What comes before forwarding begins is one chunk at most: most clients send nothing until they are answered, and
   * pausing a socket for nothing costs more system calls than forwarding a small message.
   */
  readonly #onEarlyChunk = (chunk: Buffer): void => {
    this.#socket.pause();
    if (this.#prefix === undefined) return;
    this.#prefix.append(chunk);
    this.#notePrefix(this.#prefix);
  };

  #notePrefix({ receivedBytes, proxyHeader }: PrefixReader): void {
    this.#prefixBytes = receivedBytes;
    if (proxyHeader?.source === undefined) return;
    this.#client = proxyHeader.source;
    this.#destination = proxyHeader.destination;
  }

  #answer(): Promise<Decision> {
    return new Promise((resolve) => {
      this.#resolveAnswer = resolve;
    });
  }

  #dial(decision: Dial): Promise<DialFailure | undefined> {
    this.#attempts++;
    if (this.#attempts === 1) this.#firstDialedAt = performance.now();
    this.#dialed = dial(decision, this.#timer);
    return this.#dialed.failure;
  }

  /** Until the upstream's first byte the prefix is kept: where it is reset before, another dial is sent the same. */
  async #forward({ header, timeouts }: Dial): Promise<Outcome | DialFailure> {
    const dialed = this.#dialed;
    if (dialed === undefined || this.#prefix === undefined) throw new Error('nothing to forward to or from');
    this.#connectMs = performance.now() - this.#firstDialedAt;
    const { bytes } = this.#prefix;
    this.#socket.off('data', this.#onEarlyChunk);
    dialed.socket.write(header === undefined ? bytes : Buffer.concat([header, bytes]));
    const onCommitted = () => {
      this.#prefix = undefined;
    };
    this.#forwarding = new PortableForwarding({
      client: this.#socket,
      dialed,
      timeouts,
      timer: this.#timer,
      onCommitted,
    });
    const end = await this.#forwarding.run();
    if (typeof end !== 'string') this.#forwarding = undefined;
    return end;
  }

  /** Tells the policy first: what the client does from here on changes nothing. */
  #reject({ how, outcome }: Reject): void {
    if (this.#hasEnded) return;
    this.#end(outcome);
    if (how === 'reset') reset(this.#socket);
    else if (how === 'close') closeLingering(this.#socket);
    else closeLingering(this.#socket, encodeAlert(how.alert));
  }

  readonly #onClientError = (): void => {
    if (this.#hasEnded || this.#forwarding !== undefined) return;
    this.#end(this.#isWhole ? 'client_reset' : 'client_closed_early');
    this.#dialed?.socket.destroy();
  };

  /** Once the hello has come a FIN is a half-close, and forwarding passes it on; a reset goes on to `#onClientError`. */
  readonly #onClientEnd = (): void => {
    if (this.#hasEnded || this.#forwarding !== undefined || wasReset(this.#socket) || this.#isWhole) return;
    this.#end('client_closed_early');
    this.#socket.end();
  };

  #end(outcome: Outcome): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#timer.disarm();
    this.#prefix = undefined;
    this.#onEnded(this, {
      outcome,
      bytesUp: this.bytesUp,
      bytesDown: this.bytesDown,
      helloMs: this.#helloMs,
      connectMs: this.#connectMs,
      durationMs: this.ageMs,
      attempts: this.#attempts,
      endedFirst: this.#forwarding?.endedFirst,
    });
  }
}
