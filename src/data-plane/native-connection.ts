import type { Connection, PlaneListener, SocketAddress } from './data-plane.ts';
import { call } from './native-call-area.ts';
import { readIpAddress } from './packed-address.ts';

/** What a connection object asks the plane for when somebody looks. */
export interface ConnectionProgress {
  readonly bytesUp: number;
  readonly bytesDown: number;
  readonly ageMs: number;
}

const addressWords = 6;

/** A connection of the native plane. The engine holds its state; this object names it and decodes what is asked for. */
export class NativeConnection implements Connection {
  readonly slot: number;
  readonly generation: number;
  readonly listener: PlaneListener;
  record: unknown = undefined;
  /** Set when it has ended: from then on the engine no longer knows it. */
  last: ConnectionProgress | undefined = undefined;
  readonly #progress: (connection: NativeConnection) => ConnectionProgress;
  readonly #destination: (connection: NativeConnection) => SocketAddress;
  /** Family, port and address bytes of the client, as in the call area. */
  readonly #clientWords = new Int32Array(addressWords);
  #client: SocketAddress | undefined;

  constructor(
    slot: number,
    generation: number,
    listener: PlaneListener,
    progress: (connection: NativeConnection) => ConnectionProgress,
    destination: (connection: NativeConnection) => SocketAddress,
  ) {
    this.slot = slot;
    this.generation = generation;
    this.listener = listener;
    this.#progress = progress;
    this.#destination = destination;
  }

  /** Takes the client's address from the call area: an accepted PROXY header changes it. */
  noteClient(calls: Int32Array): void {
    for (let i = 0; i < addressWords; i++) this.#clientWords[i] = calls[call.clientFamily + i] ?? 0;
    this.#client = undefined;
  }

  get client(): SocketAddress {
    this.#client ??= readIpAddress(this.#clientWords, 0);
    return this.#client;
  }

  get destination(): SocketAddress {
    return this.#destination(this);
  }

  get bytesUp(): number {
    return this.#progress(this).bytesUp;
  }

  get bytesDown(): number {
    return this.#progress(this).bytesDown;
  }

  get ageMs(): number {
    return this.#progress(this).ageMs;
  }
}
