/** What the engine of the native addon (`native/engine_wrap.cc`) offers. Errors thrown look like Node's system errors. */
export interface NativeEngine {
  /** Works on a duplicate of `fd`. */
  listen(
    fd: number,
    index: number,
    helloTimeoutMs: number,
    maxHelloBytes: number,
    asksOnAccept: boolean,
  ): void;
  stopListening(index: number): void;
  setMaxConnections(most: number): void;
  /** `native/shared_count.h`; without `cells` no longer. */
  shareMaxConnections(cells: Int32Array | undefined, own: number, limit: number): void;
  /** Takes the decision in the call area for a connection that waits for one. */
  answer(slot: number, generation: number): void;
  abort(slot: number, generation: number, outcome: number): void;
  liveCount(): number;
  /** Those that linger, too. */
  openCount(): number;
  /** Slot and generation of each live connection, one after the other. */
  live(): Uint32Array;
  /** Fills the call area with what a hook would see; false: it has gone, as below. */
  view(slot: number, generation: number): boolean;
  /** Fills in the address that the client connected to. */
  destination(slot: number, generation: number): boolean;
  /** Fills the figures with bytes and age. */
  progress(slot: number, generation: number): boolean;
  stats(): NativeEngineStats;
  /** `done` is called once everything is freed; only the first call does anything. */
  close(outcome: number, done: () => void): void;
}

export interface NativeEngineStats {
  readonly splicedBytes: number;
  readonly acceptFailures: number;
}

export interface NativeEngineOptions {
  readonly scratch: Uint8Array;
  readonly calls: Int32Array;
  readonly figures: Float64Array;
  readonly header: Uint8Array;
  accepted(): void;
  hello(): void;
  dialFailed(): void;
  ended(): void;
}

/** The part of the addon that the data plane uses. */
export interface NativeEngineAddon {
  readonly Engine: new (options: NativeEngineOptions) => NativeEngine;
}
