import { connect } from 'node:net';
import { type DnsQuery, decodeReply, encodeQuery } from './dns-message.ts';
import type { DnsFailure, ServerReply } from './dns-reply.ts';
import type { DnsServer } from './dns-server.ts';
import { exchangeCancelled, exchangeError, exchangeTimeout } from './exchange-failure.ts';

/** Asks one server over TCP, on a connection of its own (RFC 7766): for answers too long for UDP. */
export function exchangeOverTcp(
  server: DnsServer,
  query: DnsQuery,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ServerReply> {
  return new Promise((resolve) => {
    const socket = connect(server.port, server.host);
    const finish = (reply: ServerReply) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', cancel);
      socket.destroy();
      resolve(reply);
    };
    const cancel = () => finish(exchangeCancelled);
    const timer = setTimeout(() => finish(exchangeTimeout(server, timeoutMs)), timeoutMs);
    let received = Buffer.alloc(0);
    signal.addEventListener('abort', cancel);
    socket.on('error', (error) => finish(exchangeError(server, error)));
    socket.on('end', () => finish(useless));
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      const message = firstMessage(received);
      if (message !== undefined) {
        finish(readReply(message, query));
      }
    });
    const bytes = encodeQuery(query);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(bytes.length);
    // In one write: servers exist that want the length and the message in one segment.
    socket.write(Buffer.concat([length, bytes]));
  });
}

const useless: DnsFailure = { kind: 'failed', code: 'EBADRESP', why: 'no usable answer over TCP' };

function readReply(message: Buffer, query: DnsQuery): ServerReply {
  const reply = decodeReply(message, query);
  return reply.kind === 'foreign' || reply.kind === 'truncated' ? useless : reply;
}

/** The message that its two bytes of length announce, once all of it is there. */
function firstMessage(received: Buffer): Buffer | undefined {
  if (received.length < 2) {
    return undefined;
  }
  const end = 2 + received.readUInt16BE(0);
  return received.length < end ? undefined : received.subarray(2, end);
}
