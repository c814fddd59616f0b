import { createCipheriv, createHash } from 'node:crypto';
import { once } from 'node:events';
import { createSecureServer, type Http2SecureServer } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import type { ServerCertificate } from '../../src/demo/certificate-authority.ts';

/**
 * A real HTTPS server, HTTP/1.1 and HTTP/2. `GET /` answers with its name, `GET /bytes/N` with N bytes that no
 * position repeats, anything posted with its SHA-256.
 */
export class HttpsBackend {
  readonly #server: Http2SecureServer;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Http2SecureServer) {
    this.#server = server;
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  static async start(name: string, certificate: ServerCertificate): Promise<HttpsBackend> {
    const server = createSecureServer({ ...certificate, allowHTTP1: true }, (request, response) => {
      // Aborted requests are the client's business.
      const answer = async () => {
        const length = /^\/bytes\/(\d+)$/.exec(request.url)?.[1];
        if (request.method === 'POST') response.end(await digestOf(request));
        else if (length !== undefined) await pipeline(bytes(Number(length)), response);
        else response.end(`${name} by HTTP/${request.httpVersion}`);
      };
      answer().catch(() => response.destroy());
    });
    const backend = new HttpsBackend(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return backend;
  }

  get address(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `127.0.0.1:${port}`;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

const chunkSize = 256 * 1024;

/** A keystream: the same every time, and no byte is where it could be mistaken for another's. */
export function bytes(length: number): Readable {
  return Readable.from(keystream(length), { objectMode: false });
}

function* keystream(length: number): Generator<Buffer> {
  const cipher = createCipheriv('aes-256-ctr', Buffer.alloc(32), Buffer.alloc(16));
  const zeros = Buffer.alloc(chunkSize);
  for (let left = length; left > 0; left -= chunkSize) {
    yield cipher.update(left < chunkSize ? zeros.subarray(0, left) : zeros);
  }
}

export async function digestOf(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of stream) hash.update(chunk);
  return hash.digest('hex');
}
