import { close, fstatSync, write, writeSync } from 'node:fs';

/** How long a line may wait for others before it is written. */
const flushIntervalMs = 100;
/** Lines gathered before a write; and memory waiting to be written past which lines are dropped rather than held. */
const chunkBytes = 64 * 1024;
const mostWaitingBytes = 16 * 1024 * 1024;
const mostSpareChunks = 4;
/** What several processes write to one pipe or socket is kept apart up to so much (PIPE_BUF). Only a line is longer. */
const mostPieceBytes = 4096;
/** What may pass, and when it is tried again: a full pipe that does not block, a full disk. */
const passing: ReadonlySet<string | undefined> = new Set(['EAGAIN', 'ENOSPC', 'EDQUOT']);
const retryMs = 20;
const lineFeed = 0x0a;

interface Chunk {
  readonly bytes: Buffer;
  /** How much of it has been written, and where it ends. */
  start: number;
  end: number;
}

/**
 * Lines on their way to a file, a pipe or whatever else a descriptor stands for: gathered, then written in their order,
 * each of them whole, while nobody waits. Those that find no room are lost, and those that cannot be written.
 */
export class GatheredLines {
  readonly #fd: number;
  readonly #isFile: boolean;
  readonly #lost: (lines: number) => void;
  #chunk = newChunk(0);
  readonly #waiting: Chunk[] = [];
  #waitingBytes = 0;
  readonly #spare: Chunk[] = [];
  readonly #flushTimer: NodeJS.Timeout;
  #isTimed = false;
  /** What is gathered has waited long enough, and waits for what is being written. */
  #isDue = false;
  /** Or about to try again. */
  #isWriting = false;
  #ended: (() => void) | undefined;

  /** Owns `fd`, unless it is a standard one. `lost` is told how many lines will not be written. */
  constructor(fd: number, lost: (lines: number) => void) {
    this.#fd = fd;
    this.#isFile = fstatSync(fd).isFile();
    this.#lost = lost;
    this.#flushTimer = setTimeout(() => this.#flush(), flushIntervalMs).unref();
    process.once('exit', this.#writeLast);
  }

  /** Where a line of at most so many bytes may be put, from `end` on; undefined: it is lost. */
  roomFor(bytes: number): Buffer | undefined {
    if (this.#chunk.end + bytes <= this.#chunk.bytes.length) return this.#chunk.bytes;
    this.#seal();
    if (this.#waitingBytes >= mostWaitingBytes) {
      this.#lost(1);
      return undefined;
    }
    this.#chunk = (bytes <= chunkBytes && this.#spare.pop()) || newChunk(Math.max(bytes, chunkBytes));
    return this.#chunk.bytes;
  }

  get end(): number {
    return this.#chunk.end;
  }

  /** The line is there, up to this place. */
  add(end: number): void {
    this.#chunk.end = end;
    if (this.#isTimed) return;
    this.#isTimed = true;
    this.#flushTimer.refresh();
  }

  /** Resolves when what is left is written. Takes no more lines. */
  close(): Promise<void> {
    clearTimeout(this.#flushTimer);
    return new Promise((resolve) => {
      this.#ended = resolve;
      this.#seal();
      this.#writeNext();
    });
  }

  /** For one that does not come to its end: what waits will not be written. */
  giveUp(): void {
    for (const chunk of this.#waiting.splice(0)) this.#lost(linesLeft(chunk));
    this.#writeNext();
  }

  #flush(): void {
    this.#isTimed = false;
    this.#isDue = this.#waiting.length > 0;
    if (!this.#isDue) this.#seal();
  }

  #seal(): void {
    const chunk = this.#chunk;
    this.#chunk = newChunk(0);
    if (chunk.end === 0) {
      this.#spareOrForget(chunk);
    } else {
      this.#waiting.push(chunk);
      this.#waitingBytes += chunk.bytes.length;
      this.#writeNext();
    }
  }

  #writeNext(): void {
    if (this.#isWriting) return;
    const chunk = this.#waiting[0];
    if (chunk === undefined) {
      if (this.#ended !== undefined) this.#end(this.#ended);
      else if (this.#isDue) this.#flush();
      return;
    }
    this.#isWriting = true;
    const { bytes, start } = chunk;
    write(this.#fd, bytes, start, this.#pieceEnd(chunk) - start, null, (error, written) => {
      if (passing.has(error?.code)) {
        setTimeout(() => this.#goOn(), retryMs);
        return;
      }
      // It may have been given up meanwhile.
      if (this.#waiting[0] === chunk) this.#account(chunk, error, written);
      this.#goOn();
    });
  }

  /** Ends with a line. */
  #pieceEnd({ bytes, start, end }: Chunk): number {
    if (this.#isFile || end - start <= mostPieceBytes) return end;
    const last = bytes.lastIndexOf(lineFeed, start + mostPieceBytes - 1);
    return 1 + (last >= start ? last : bytes.indexOf(lineFeed, start));
  }

  #goOn(): void {
    this.#isWriting = false;
    this.#writeNext();
  }

  #account(chunk: Chunk, error: Error | null, written: number): void {
    if (error === null) chunk.start += written;
    else this.#lost(linesLeft(chunk));
    if (error === null && chunk.start < chunk.end) return;
    this.#waiting.shift();
    this.#waitingBytes -= chunk.bytes.length;
    this.#spareOrForget(chunk);
  }

  #spareOrForget(chunk: Chunk): void {
    if (chunk.bytes.length !== chunkBytes || this.#spare.length === mostSpareChunks) return;
    chunk.start = 0;
    chunk.end = 0;
    this.#spare.push(chunk);
  }

  #end(ended: () => void): void {
    this.#ended = undefined;
    process.off('exit', this.#writeLast);
    if (this.#fd > 2) close(this.#fd, () => ended());
    else ended();
  }

  /** The process ends before this has: what is being written will be. A file alone is sure not to hold it up. */
  readonly #writeLast = () => {
    if (!this.#isFile) return;
    const left = [...this.#waiting.slice(this.#isWriting ? 1 : 0), this.#chunk];
    try {
      for (const { bytes, start, end } of left) writeSync(this.#fd, bytes, start, end - start);
    } catch {
      // Nobody is left to be told.
    }
  };
}

function newChunk(bytes: number): Chunk {
  // Not from Node's pool, which would be kept as a whole.
  return { bytes: Buffer.allocUnsafeSlow(bytes), start: 0, end: 0 };
}

function linesLeft({ bytes, start, end }: Chunk): number {
  let lines = 0;
  for (let at = start; at < end; at++) if (bytes[at] === lineFeed) lines++;
  return lines;
}
