import type { Connection, Ending, PlaneListener, SocketAddress } from './data-plane.ts';
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

const noProgress: ConnectionProgress = { bytesUp: 0, bytesDown: 0, ageMs: 0 };
const noWords: readonly number[] = [];
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
  #ending: Ending | undefined = undefined;
  /** Packed; known here once it has ended. */
  #client = noWords;
  #destination: SocketAddress | undefined = undefined;

  constructor(slot: number, generation: number, listener: PlaneListener, source: ConnectionSource) {
    this.slot = slot;
    this.generation = generation;
    this.listener = listener;
    this.#source = source;
  }

  noteEnd(ending: Ending, client: readonly number[]): void {
    this.#ending = ending;
    this.#client = client;
  }

  get client(): SocketAddress {
    if (this.#ending !== undefined) return readIpAddress(this.#client, 0);
    return this.#source.client(this) ?? unknownAddress;
  }

  /** Once the connection has gone, what it was when somebody last asked. */
  get destination(): SocketAddress {
    if (this.#ending === undefined) this.#destination = this.#source.destination(this) ?? this.#destination;
    return this.#destination ?? unknownAddress;
  }

  get bytesUp(): number {
    return (this.#ending ?? this.#source.progress(this) ?? noProgress).bytesUp;
  }

  get bytesDown(): number {
    return (this.#ending ?? this.#source.progress(this) ?? noProgress).bytesDown;
  }

  get ageMs(): number {
    return this.#ending?.durationMs ?? (this.#source.progress(this) ?? noProgress).ageMs;
  }
}
