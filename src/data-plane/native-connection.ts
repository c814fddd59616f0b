import type { Connection, PlaneListener, SocketAddress } from './data-plane.ts';
import { readIpAddress } from './packed-address.ts';

/** What the engine knows of a live connection; undefined once it has gone. */
export interface ConnectionSource {
  progress(connection: NativeConnection): ConnectionProgress | undefined;
  client(connection: NativeConnection): SocketAddress | undefined;
  destination(connection: NativeConnection): SocketAddress | undefined;
}

export interface ConnectionProgress {
  readonly bytesUp: number;
  readonly bytesDown: number;
  readonly ageMs: number;
}

/** What is left of a connection that has ended. */
export interface LastProgress extends ConnectionProgress {
  /** The client, packed. */
  readonly client: readonly number[];
}

const noProgress: ConnectionProgress = { bytesUp: 0, bytesDown: 0, ageMs: 0 };
const unknownAddress: SocketAddress = { address: '0.0.0.0', port: 0, family: 4 };

/**
 * A connection of the native plane. The engine holds its state; this object names it and asks for what is asked of it.
 * There is one for each live connection, so it is small and keeps nothing that the engine has.
 */
export class NativeConnection implements Connection {
  readonly slot: number;
  readonly generation: number;
  readonly listener: PlaneListener;
  record: unknown = undefined;
  readonly #source: ConnectionSource;
  /** Set when it has ended. */
  #last: LastProgress | undefined = undefined;
  #destination: SocketAddress | undefined = undefined;

  constructor(slot: number, generation: number, listener: PlaneListener, source: ConnectionSource) {
    this.slot = slot;
    this.generation = generation;
    this.listener = listener;
    this.#source = source;
  }

  noteEnd(last: LastProgress): void {
    this.#last = last;
  }

  get client(): SocketAddress {
    if (this.#last !== undefined) return readIpAddress(this.#last.client, 0);
    return this.#source.client(this) ?? unknownAddress;
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
