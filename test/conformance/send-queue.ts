import { readFileSync } from 'node:fs';
import type { Peer } from './peer.ts';

/** What the peer has sent and the other side's kernel has not acknowledged (Linux; elsewhere nothing is known: 0). */
export function sendQueueBytes({ socket }: Peer): number {
  if (process.platform !== 'linux') return 0;
  const isIpv6 = socket.localFamily === 'IPv6';
  const local = hexPort(socket.localPort);
  const remote = hexPort(socket.remotePort);
  for (const line of readFileSync(isIpv6 ? '/proc/net/tcp6' : '/proc/net/tcp', 'latin1').split('\n')) {
    // sl, local_address, rem_address, st, tx_queue:rx_queue …
    const [, localAddress = '', remoteAddress = '', , queues = ''] = line.trim().split(/\s+/);
    if (!localAddress.endsWith(local) || !remoteAddress.endsWith(remote)) continue;
    return Number.parseInt(queues, 16);
  }
  return 0;
}

function hexPort(port = 0): string {
  return `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
}
