import { readFileSync } from 'node:fs';

/**
 * How often and how long (in ms) the machine has been short of memory for TCP, as one number: it then drops what has
 * arrived and ends connections, whoever they belong to.
 */
export function tcpMemoryShortages(): number {
  const lines = readFileSync('/proc/net/netstat', 'utf8').split('\n');
  const [names = [], values = []] = lines
    .filter((line) => line.startsWith('TcpExt:'))
    .map((line) => line.split(' '));
  const count = (name: string) => Number(values[names.indexOf(name)] ?? 0);
  return count('TCPMemoryPressures') + count('TCPMemoryPressuresChrono');
}
