import type { Socket } from 'node:net';
import { wasReset } from './portable-socket.ts';

export interface FlowEvents {
  /** Bytes came, or a slow reader has taken what waited for it. */
  moved(): void;
  /** The FIN has been passed on behind the last byte. */
  ended(): void;
}

/** One direction of a connection: bytes from one side to the other, and after the last one the FIN. */
export class PortableFlow {
  readonly from: Socket;
  readonly to: Socket;
  receivedBytes = 0;
  /** Handed to the kernel; of a chunk that it has taken in part, nothing. */
  sentBytes = 0;
  readonly #events: FlowEvents;
  #fromEnded = false;
  /** Nothing is read while something waits to be sent. */
  #isBlocked = false;
  #isStopped = false;

  constructor(from: Socket, to: Socket, events: FlowEvents) {
    this.from = from;
    this.to = to;
    this.#events = events;
  }

  /** From here on whatever `from` sends must come to `take`. */
  start(): void {
    this.#isBlocked = this.to.writableLength > 0;
    this.to.on('drain', this.#onDrain);
    if (this.from.readableEnded) this.#onEnd();
    else this.from.on('end', this.#onEndSoon);
    if (!this.#isBlocked) this.from.resume();
  }

  /** From here on nothing more is passed on. */
  stop(): void {
    this.from.pause();
    this.#isStopped = true;
  }

  /** Stops, and leaves both sockets to others. */
  detach(): void {
    this.stop();
    this.to.off('drain', this.#onDrain);
    this.from.off('end', this.#onEndSoon);
  }

  /** Returns whether the chunk's memory is free again. */
  take(chunk: Buffer): boolean {
    if (this.#isStopped) return true;
    this.receivedBytes += chunk.length;
    this.to.write(chunk);
    this.#isBlocked = this.to.writableLength > 0;
    if (this.#isBlocked) this.from.pause();
    else if (this.to.errored === null) this.sentBytes = this.receivedBytes;
    this.#events.moved();
    return !this.#isBlocked;
  }

  /** Comes after every write, those that left nothing to wait for included. */
  readonly #onDrain = (): void => {
    if (!this.#isBlocked || this.#isStopped) return;
    this.#isBlocked = false;
    this.sentBytes = this.receivedBytes;
    this.#events.moved();
    if (this.#fromEnded) this.#passEnd();
    else this.from.resume();
  };

  /** A socket with bytes to send cannot be asked whether it was reset; if it was, sending them fails within this turn. */
  readonly #onEndSoon = (): void => {
    if (this.from.writableLength > 0) setImmediate(() => this.#onEnd());
    else this.#onEnd();
  };

  /** The FIN waits for the bytes before it: while Node holds both, the socket can no longer be reset. */
  #onEnd(): void {
    if (this.#isStopped || wasReset(this.from)) return;
    this.#fromEnded = true;
    if (!this.#isBlocked) this.#passEnd();
  }

  #passEnd(): void {
    this.to.end();
    this.#events.ended();
  }
}
