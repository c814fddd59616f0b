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

  constructor(from: Socket, to: Socket, events: FlowEvents) {
    this.from = from;
    this.to = to;
    this.#events = events;
  }

  start(): void {
    this.from.on('data', this.#onData);
    this.to.on('drain', this.#onDrain);
    if (this.from.readableEnded) this.#onEnd();
    else this.from.once('end', this.#onEnd);
    if (this.to.writableLength > 0) this.#isBlocked = true;
    else this.from.resume();
  }

  /** From here on nothing is passed on but what Node had read ahead of a slow reader. */
  stop(): void {
    this.from.off('data', this.#onData);
    this.from.off('end', this.#onEnd);
    this.to.off('drain', this.#onDrain);
    this.from.pause();
    const ahead: Buffer | null = this.from.read();
    if (ahead !== null && !this.to.destroyed) this.#onData(ahead);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.receivedBytes += chunk.length;
    this.to.write(chunk);
    if (this.to.writableLength > 0) {
      this.#isBlocked = true;
      this.from.pause();
    } else if (this.to.errored === null) {
      this.sentBytes = this.receivedBytes;
    }
    this.#events.moved();
  };

  /** Comes after every write, those that left nothing to wait for included. */
  readonly #onDrain = (): void => {
    if (!this.#isBlocked) return;
    this.#isBlocked = false;
    this.sentBytes = this.receivedBytes;
    this.#events.moved();
    if (this.#fromEnded) this.#passEnd();
    else this.from.resume();
  };

  /** The FIN waits for the bytes before it: while Node holds both, the socket can no longer be reset. */
  readonly #onEnd = (): void => {
    if (wasReset(this.from)) return;
    this.#fromEnded = true;
    if (!this.#isBlocked) this.#passEnd();
  };

  #passEnd(): void {
    this.to.end();
    this.#events.ended();
  }
}
