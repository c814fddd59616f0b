import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { type DnsQuery, decodeReply, encodeQuery } from './dns-message.ts';
import type { DnsReply } from './dns-reply.ts';
import type { DnsServer } from './dns-server.ts';
import { exchangeCancelled, exchangeError, exchangeTimeout } from './exchange-failure.ts';

type UdpReply = Exclude<DnsReply, { kind: 'foreign' }>;

/**
 * Asks one server over UDP, once. A socket of its own gives each query a source port that the kernel picks at
 * random; being connected, it hears from that server alone, and hears at once that nothing listens there.
 */
export function exchangeOverUdp(
  server: DnsServer,
  query: DnsQuery,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<UdpReply> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(server.host) ? 'udp6' : 'udp4');
    let finished = false;
    const finish = (reply: UdpReply) => {
      if (finished) {
        return;
      }
      finished = true;
      clearTimeout(timer);
      signal.removeEventListener('abort', cancel);
      socket.close();
      resolve(reply);
    };
    const cancel = () => finish(exchangeCancelled);
    const timer = setTimeout(() => finish(exchangeTimeout(server, timeoutMs)), timeoutMs);
    signal.addEventListener('abort', cancel);
    socket.on('error', (error) => finish(exchangeError(server, error)));
    socket.on('message', (bytes) => {
      const reply = decodeReply(bytes, query);
      if (reply.kind !== 'foreign') {
        finish(reply);
      }
    });
    socket.connect(server.port, server.host, () => {
      if (!finished) {
        socket.send(encodeQuery(query));
      }
    });
  });
}
