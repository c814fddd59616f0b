import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { decodeProxyHeader } from '../../src/proxy-protocol/decode.ts';
import type { ProxyHeader } from '../../src/proxy-protocol/proxy-header.ts';
import { decodeProxyHeaderNatively } from './native-decoder.ts';
import { portOf } from './peers.ts';

/** A loopback server that decodes the header its connections start with, with both decoders, byte by byte. */
export class HeaderSink {
  readonly port: number;
  readonly #server: Server;
  readonly #arrived: Arrival[] = [];

  private constructor(server: Server) {
    this.#server = server;
    this.port = portOf(server);
    server.on('connection', (socket: Socket) => {
      this.#arrived.push(new Arrival(socket));
      server.emit('arrival');
    });
  }

  static async open(host = '127.0.0.1'): Promise<HeaderSink> {
    const server = createServer().listen(0, host);
    await once(server, 'listening');
    return new HeaderSink(server);
  }

  /** The next connection's header, once `rest` has come after it. */
  async next(rest = ''): Promise<ProxyHeader> {
    if (this.#arrived.length === 0) await once(this.#server, 'arrival');
    const arrival = this.#arrived.shift();
    assert.ok(arrival);
    const header = await arrival.header(rest.length);
    assert.equal(arrival.received.subarray(header.bytes).toString(), rest);
    arrival.socket.destroy();
    return header;
  }

  /** Connections that nobody asked for are dropped: health checks go on until the end. */
  close(): void {
    this.#server.close();
    for (const { socket } of this.#arrived) socket.destroy();
  }
}

/** One connection, read from its first moment on: HAProxy resets its health checks once the header is sent. */
class Arrival {
  readonly socket: Socket;
  received: Buffer = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => {
      this.received = Buffer.concat([this.received, chunk]);
      socket.emit('progress');
    });
    socket.on('error', () => undefined);
    socket.on('close', () => socket.emit('progress'));
  }

  async header(restBytes: number): Promise<ProxyHeader> {
    for (;;) {
      const header = decodeAsItComes(this.received);
      if (header !== undefined && this.received.length >= header.bytes + restBytes) return header;
      if (this.socket.closed) assert.fail(`closed after ${this.received.toString('hex')}`);
      await once(this.socket, 'progress');
    }
  }
}

/** Undefined while the header is not whole. Both decoders are asked about every prefix. */
function decodeAsItComes(received: Uint8Array): ProxyHeader | undefined {
  for (let length = 1; length <= received.length; length++) {
    const prefix = received.subarray(0, length);
    const decoded = decodeProxyHeader(prefix);
    const withoutTlvs = decoded.kind === 'header' ? { ...decoded, tlvs: [] } : decoded;
    assert.deepEqual(decodeProxyHeaderNatively(prefix), withoutTlvs);
    if (decoded.kind === 'malformed') {
      assert.fail(`${decoded.reason}: ${Buffer.from(prefix).toString('latin1')}`);
    }
    if (decoded.kind === 'header') return decoded;
  }
  return undefined;
}
