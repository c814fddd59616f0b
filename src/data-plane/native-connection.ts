import type { Connection, PlaneListener, SocketAddress } from './data-plane.ts';
import { call } from './native-call-area.ts';
import { readIpAddress } from './packed-address.ts';

/** What the engine knows of a live connection; undefined once it has gone. */
export interface ConnectionSource {
  progress(connection: NativeConnection): ConnectionProgress | undefined;
  destination(connection: NativeConnection): SocketAddress | undefined;
}

export interface ConnectionProgress {
  readonly bytesUp: number;
  readonly bytesDown: number;
  readonly ageMs: number;
}

const noProgress: ConnectionProgress = { bytesUp: 0, bytesDown: 0, ageMs: 0 };
const unknownAddress: SocketAddress = { address: '0.0.0.0', port: 0, family: 4 };
const words = new Int32Array(6);

/**
 * A connection of the native plane. The engine holds its state; this object names it and decodes what is asked for.
 * There is one for each live connection, so it is small: numbers, no arrays.
 */
export class NativeConnection implements Connection {
  readonly slot: number;
  readonly generation: number;
  readonly listener: PlaneListener;
  record: unknown = undefined;
  readonly #source: ConnectionSource;
  /** Set when it has ended. */
  #last: ConnectionProgress | undefined = undefined;
  #client: SocketAddress | undefined = undefined;
  #destination: SocketAddress | undefined = undefined;
  /** The client as in the call area: family and port, then the address. */
  #familyAndPort = 0;
  #word0 = 0;
  #word1 = 0;
  #word2 = 0;
  #word3 = 0;

  constructor(slot: number, generation: number, listener: PlaneListener, source: ConnectionSource) {
    this.slot = slot;
    this.generation = generation;
    this.listener = listener;
    this.#source = source;
  }

  /** Takes the client's address from the call area: an accepted PROXY header changes it. */
  noteClient(calls: Int32Array): void {
    this.#familyAndPort = ((calls[call.clientFamily] ?? 0) << 16) | (calls[call.clientPort] ?? 0);
    this.#word0 = calls[call.clientBytes] ?? 0;
    this.#word1 = calls[call.clientBytes + 1] ?? 0;
    this.#word2 = calls[call.clientBytes + 2] ?? 0;
    this.#word3 = calls[call.clientBytes + 3] ?? 0;
    this.#client = undefined;
  }

  noteEnd(last: ConnectionProgress): void {
    this.#last = last;
  }

  get client(): SocketAddress {
    if (this.#client === undefined) {
      words[0] = this.#familyAndPort >> 16;
      words[1] = this.#familyAndPort & 0xffff;
      words[2] = this.#word0;
      words[3] = this.#word1;
      words[4] = this.#word2;
      words[5] = this.#word3;
      this.#client = readIpAddress(words, 0);
    }
    return this.#client;
  }

  /** Once the connection has gone, what it was when somebody last asked. */
  get destination(): SocketAddress {
    if (this.#last === undefined) this.#destination = this.#source.destination(this) ?? this.#destination;
    return this.#destination ?? unknownAddress;
  }

  get bytesUp(): number {
    return (this.#last ?? this.#source.progress(this) ?? noProgress).bytesUp;
  }

  get bytesDown(): number {
    return (this.#last ?? this.#source.progress(this) ?? noProgress).bytesDown;
  }

  get ageMs(): number {
    return (this.#last ?? this.#source.progress(this) ?? noProgress).ageMs;
  }
}
