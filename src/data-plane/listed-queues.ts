import { closeSync, openSync, readSync } from 'node:fs';
import { SocketAddress } from 'node:net';
import { endianness } from 'node:os';

/** What `send-queues.ts` has a thread do. */
export interface ListedQueues {
  /** Those of the connections asked for whose send queue is not empty. */
  readonly waiting: readonly string[];
  readonly tookMs: number;
}

/** The kernel gives a page at a time. */
const pageBytes = 4_096;

/** As proc_pid_net(5) has them; a line that holds this says that nothing waits to be sent. */
const noQueue = ' 00000000:';
const queueLine = /^\s*\d+: (\w+):(\w{4}) (\w+):(\w{4}) \w\w /;

/** One connection, as both sides here name it: addresses as Node writes them. */
export function connectionText(
  localAddress: string,
  localPort: number,
  remoteAddress: string,
  remotePort: number,
): string {
  return `${withoutZone(localAddress)} ${localPort} ${withoutZone(remoteAddress)} ${remotePort}`;
}

/** The kernel names no interface: `fe80::1%eth0`. */
function withoutZone(address: string): string {
  return address.replace(/%.*/, '');
}

/** Reads the kernel's list of sockets to its end. */
export default function listQueues(asked: readonly string[]): ListedQueues {
  const startMs = performance.now();
  const all = new Set(asked);
  const waiting = ['/proc/self/net/tcp', '/proc/self/net/tcp6']
    .flatMap((path) => [...connectionsWithQueue(path)])
    .filter((connection) => all.has(connection));
  return { waiting, tookMs: performance.now() - startMs };
}

function* connectionsWithQueue(path: string): Generator<string> {
  for (const line of linesOf(path)) {
    if (line.includes(noQueue)) continue;
    const [, localAddress, localPort = '', remoteAddress, remotePort = ''] = queueLine.exec(line) ?? [];
    if (localAddress === undefined || remoteAddress === undefined) continue;
    yield connectionText(
      addressOf(localAddress),
      Number.parseInt(localPort, 16),
      addressOf(remoteAddress),
      Number.parseInt(remotePort, 16),
    );
  }
}

/** None where there is no such list: a kernel without IPv6 has one only. */
function* linesOf(path: string): Generator<string> {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return;
  }
  try {
    const page = Buffer.allocUnsafe(pageBytes);
    let unfinished = '';
    for (let bytes = readSync(fd, page); bytes > 0; bytes = readSync(fd, page)) {
      const lines = `${unfinished}${page.toString('latin1', 0, bytes)}`.split('\n');
      unfinished = lines.pop() ?? '';
      yield* lines;
    }
  } finally {
    closeSync(fd);
  }
}

/** As Node writes it. The kernel lists the words of an address as numbers, in the byte order of the machine. */
function addressOf(hex: string): string {
  const bytes = Buffer.from(hex, 'hex');
  if (endianness() === 'LE') bytes.swap32();
  if (bytes.length === 4) return bytes.join('.');
  const address = bytes.toString('hex').replace(/(.{4})(?!$)/g, '$1:');
  return new SocketAddress({ address, family: 'ipv6' }).address;
}
