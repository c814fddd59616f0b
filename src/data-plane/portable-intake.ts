import type { OnReadOpts } from 'node:net';

/** What libuv reads at once into memory of its own; a read that fills it says that more is waiting. */
const sharedBytes = 64 * 1024;
/** Four times fewer calls for the same bytes; past this the gain is lost in the processor's cache. */
const ownBytes = 256 * 1024;
/** Own buffers kept for the next connection that needs one. */
const maxSpare = 16;

const shared = Buffer.allocUnsafeSlow(sharedBytes);
const spare: Buffer[] = [];
/** A copy that is larger gets memory that is used again, or the garbage collector has much to do. */
const smallBytes = 4 * 1024;
const copies: Buffer[] = [];

/**
 * Where an upstream socket's bytes are read to. While they are few they come through the one buffer that all share
 * and are copied out of it; a socket that fills it gets a larger one of its own, written from in place, until a read
 * no longer does. So an idle connection holds no buffer. Node offers this for dialled sockets, not for accepted ones.
 */
export class PortableIntake {
  /** Takes each chunk; true when its memory may be read into again as soon as this returns. */
  onChunk: (chunk: Buffer) => boolean = () => true;
  #next: Buffer = shared;

  readonly onread: OnReadOpts = {
    buffer: () => this.#next,
    callback: (bytes) => {
      if (this.#next === shared) this.#takeShared(bytes);
      else this.#takeOwn(bytes, this.#next);
      return true;
    },
  };

  #takeShared(bytes: number): void {
    if (bytes === sharedBytes) this.#next = spare.pop() ?? Buffer.allocUnsafeSlow(ownBytes);
    if (bytes < smallBytes) this.onChunk(Buffer.from(shared.subarray(0, bytes)));
    else this.#takeCopy(bytes);
  }

  #takeCopy(bytes: number): void {
    const copy = copies.pop() ?? Buffer.allocUnsafeSlow(sharedBytes);
    shared.copy(copy, 0, 0, bytes);
    if (this.onChunk(copy.subarray(0, bytes))) copies.push(copy);
  }

  #takeOwn(bytes: number, own: Buffer): void {
    const isFree = this.onChunk(own.subarray(0, bytes));
    if (!isFree || bytes === ownBytes) return;
    this.#next = shared;
    if (spare.length < maxSpare) spare.push(own);
  }
}
