import { once } from 'node:events';
import { createSecureServer, type Http2SecureServer } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

import type { ServerCertificate } from './certificate-authority.ts';

/** A TLS server of its own behind the demo's proxy: answers every request, by HTTP/1.1 or HTTP/2, with what it sees. */
export class DemoBackend {
  readonly #server: Http2SecureServer;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Http2SecureServer) {
    this.#server = server;
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  /** Listens on an ephemeral loopback port. */
  static async start(name: string, certificate: ServerCertificate): Promise<DemoBackend> {
    const server = createSecureServer({ ...certificate, allowHTTP1: true }, (request, response) => {
      const tls = request.stream?.session?.socket ?? request.socket;
      const protocol = `HTTP/${request.httpVersion}, ${tlsVersion(tls)}`;
      response.setHeader('content-type', 'text/plain');
      response.end(`Hello from ${name}: the TLS connection ends here, not in the proxy (${protocol}).\n`);
    });
    const backend = new DemoBackend(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return backend;
  }

  get address(): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return `${address}:${port}`;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

function tlsVersion(socket: Socket): string {
  return (socket instanceof TLSSocket && socket.getProtocol()) || 'TLS';
}
