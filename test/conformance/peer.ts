import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { connect, type Socket } from 'node:net';

/** How the other side ended its direction. */
export type Departure = 'fin' | 'reset';

const noBytes = Buffer.alloc(0);

/** One end of a TCP connection under full control of a test: nothing is sent, read or closed that it does not ask for. */
export class Peer {
  readonly socket: Socket;
  /** How the other side ended, once all it sent before has been read. */
  readonly departure: Promise<Departure>;
  receivedBytes = 0;
  /** What the other side sent and `receive` has not taken yet; nothing while `digest` is under way. */
  #unread: Buffer[] = [];
  #unreadBytes = 0;
  #onChunk: (chunk: Buffer) => void = (chunk) => this.#keep(chunk);
  #onProgress: () => void = () => {};
  #departed: Departure | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      this.receivedBytes += chunk.length;
      this.#onChunk(chunk);
      this.#onProgress();
    });
    this.departure = new Promise((resolve) => {
      const depart = (departure: Departure) => {
        this.#departed ??= departure;
        resolve(departure);
        this.#onProgress();
      };
      socket.once('end', () => {
        if (!socket.writableEnded) socket.write(noBytes);
        setImmediate(() => depart(wasReset(socket) ? 'reset' : 'fin'));
      });
      socket.on('error', () => setImmediate(() => depart('reset')));
    });
  }

  static async connect(port: number, host = '127.0.0.1'): Promise<Peer> {
    const socket = connect({ port, host, allowHalfOpen: true });
    const peer = new Peer(socket);
    // A reset may be there before this thread sees the connection.
    const connected = new Promise((resolve) => socket.once('connect', resolve));
    await Promise.race([connected, peer.departure]);
    return peer;
  }

  get port(): number {
    return this.socket.localPort ?? 0;
  }

  /** Resolves when the kernel has taken the bytes. */
  send(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.socket.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** Sends FIN; reading goes on. */
  end(): void {
    this.socket.end();
  }

  reset(): void {
    this.socket.resetAndDestroy();
  }

  /** From here on the kernel's buffers fill up and its window closes. */
  stopReading(): void {
    this.socket.pause();
  }

  startReading(): void {
    this.socket.resume();
  }

  /** The next `bytes` bytes. */
  async receive(bytes: number): Promise<Buffer> {
    await this.#until(() => this.#unreadBytes >= bytes, `${bytes} bytes`);
    const all = Buffer.concat(this.#unread);
    this.#unread = [all.subarray(bytes)];
    this.#unreadBytes = all.length - bytes;
    return all.subarray(0, bytes);
  }

  /** Everything up to the other side's end, which is a FIN. */
  async receiveAll(): Promise<Buffer> {
    assert.equal(await this.departure, 'fin');
    return this.takeUnread();
  }

  takeUnread(): Buffer {
    const all = Buffer.concat(this.#unread);
    this.#unread = [];
    this.#unreadBytes = 0;
    return all;
  }

  /** SHA-256 of the next `bytes` bytes, or of all there is before the other side ends. */
  async digest(bytes = Number.POSITIVE_INFINITY): Promise<string> {
    const hash = createHash('sha256');
    let missing = bytes;
    const take = (chunk: Buffer) => {
      const taken = chunk.subarray(0, missing);
      hash.update(taken);
      missing -= taken.length;
      if (taken.length < chunk.length) this.#keep(chunk.subarray(taken.length));
    };
    take(this.takeUnread());
    this.#onChunk = take;
    if (bytes === Number.POSITIVE_INFINITY) await this.departure;
    else await this.#until(() => missing === 0, `${missing} more bytes`);
    this.#onChunk = (chunk) => this.#keep(chunk);
    return hash.digest('hex');
  }

  close(): void {
    this.socket.destroy();
  }

  #keep(chunk: Buffer): void {
    this.#unread.push(chunk);
    this.#unreadBytes += chunk.length;
  }

  #until(condition: () => boolean, wanted: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#onProgress = () => {
        if (condition()) resolve();
        else if (this.#departed)
          reject(new Error(`${this.#departed} after ${this.receivedBytes} bytes, want ${wanted}`));
        else return;
        this.#onProgress = () => {};
      };
      this.#onProgress();
    });
  }
}

/**
 * libuv reports a reset that comes right behind the last bytes as an end; writing nothing makes the kernel tell, at
 * once or, behind bytes still to be sent, within the turn. EPIPE says that a FIN came before the reset. A peer that has
 * sent its own FIN cannot ask, and sees a FIN.
 */
function wasReset(socket: Socket): boolean {
  const error: NodeJS.ErrnoException | null = socket.errored;
  return error !== null && error.code !== 'EPIPE';
}
