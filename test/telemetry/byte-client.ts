import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A client that sends bytes and counts what comes back. */
export class ByteClient {
  /** Resolves when its connection has ended, however. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  #received = 0;

  constructor(port: number) {
    const socket = connect(port, '127.0.0.1');
    this.#socket = socket;
    socket.on('data', (chunk) => {
      this.#received += chunk.length;
    });
    // Refused clients may be reset.
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
  }

  /** Sends, and waits until as much has come back. */
  async echo(bytes: Uint8Array): Promise<void> {
    const expected = this.#received + bytes.length;
    this.#socket.write(bytes);
    while (this.#received < expected) await once(this.#socket, 'data');
  }

  /** Sends, and waits for the end that the other side makes. */
  async refused(bytes: Uint8Array): Promise<void> {
    this.#socket.write(bytes);
    await this.closed;
  }

  /** Ends, and waits until the other side has ended, too. */
  async end(): Promise<void> {
    this.#socket.end();
    await this.closed;
  }
}
