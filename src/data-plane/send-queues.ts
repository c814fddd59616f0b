import { closeSync, openSync, readSync } from 'node:fs';
import { type Socket, SocketAddress } from 'node:net';
import { endianness } from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * The kernel lists every socket there is, those in TIME_WAIT too: with 100,000 of them that takes it a quarter of a
 * second. So the list is read in slices, once for all who wait, and takes a twentieth of the time at most.
 */
const sliceMs = 0.5;
const restFactor = 19;
const longestRestMs = 10_000;
/** The kernel gives a page at a time. */
const pageBytes = 4_096;

/** As proc_pid_net(5) has them; a line that holds this says that nothing waits to be sent. */
const noQueue = ' 00000000:';
const queueLine = /^\s*\d+: (\w+):(\w{4}) (\w+):(\w{4}) \w\w /;

/** Who is answered resets two sockets: some thousand in one turn of the loop would hold up everybody else. */
const answersPerTurn = 4;

type Queues = ReadonlySet<string>;

/** The list that has been asked for and not begun. */
let nextList: Promise<Queues> | undefined;
/** Settles when another may be begun. */
let rested: Promise<unknown> = Promise.resolve();
let answers = 0;
/** When the last ones who were answered are, or will be. */
let turn: Promise<void> = Promise.resolve();

/**
 * Whether the kernel's send queue holds bytes that the peer has not acknowledged, seen after the call. Node cannot ask
 * for it, Linux lists it; false where that is not to be had.
 */
export async function hasUnacknowledgedBytes(socket: Socket): Promise<boolean> {
  const { localAddress = '', localPort, remoteAddress = '', remotePort } = socket;
  nextList ??= rested.then(list);
  const queues = await nextList;
  await turnOf();
  return queues.has(`${withoutZone(localAddress)} ${localPort} ${withoutZone(remoteAddress)} ${remotePort}`);
}

/** A few can share a turn of the loop. */
function turnOf(): Promise<void> {
  if (answers % answersPerTurn === 0) turn = turn.then(() => nextTurn());
  answers += 1;
  return turn;
}

async function list(): Promise<Queues> {
  // Whoever asks from here on needs a newer one.
  nextList = undefined;
  const found = new Set<string>();
  const listed = Promise.all([
    addQueues('/proc/self/net/tcp', found),
    addQueues('/proc/self/net/tcp6', found),
  ]);
  rested = listed.then(([ms, ms6]) => rest(Math.min((ms + ms6) * restFactor, longestRestMs)));
  await listed;
  return found;
}

function rest(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * Read within the loop, a little at a time: the kernel hands out a page for each read, and thousands of trips to the
 * thread pool take many seconds where processors are scarce. Resolves with the time that the loop was held up.
 */
async function addQueues(path: string, found: Set<string>): Promise<number> {
  let tookMs = 0;
  let unfinished = '';
  let fd: number | undefined;
  try {
    fd = openSync(path, 'r');
    for (;;) {
      const startMs = performance.now();
      const { text, isAll } = readFor(sliceMs, fd);
      const lines: string[] = `${unfinished}${text}`.split('\n');
      unfinished = lines.pop() ?? '';
      for (const line of lines) addQueue(line, found);
      tookMs += performance.now() - startMs;
      if (isAll) return tookMs;
      await nextTurn();
    }
  } catch {
    // Not Linux, or a kernel without IPv6.
    return tookMs;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function readFor(ms: number, fd: number): { readonly text: string; readonly isAll: boolean } {
  const page = Buffer.allocUnsafe(pageBytes);
  const until = performance.now() + ms;
  let text = '';
  do {
    const bytes = readSync(fd, page);
    if (bytes === 0) return { text, isAll: true };
    text += page.toString('latin1', 0, bytes);
  } while (performance.now() < until);
  return { text, isAll: false };
}

function addQueue(line: string, found: Set<string>): void {
  if (line.includes(noQueue)) return;
  const [, localAddress, localPort = '', remoteAddress, remotePort = ''] = queueLine.exec(line) ?? [];
  if (localAddress === undefined || remoteAddress === undefined) return;
  const local = `${addressOf(localAddress)} ${Number.parseInt(localPort, 16)}`;
  found.add(`${local} ${addressOf(remoteAddress)} ${Number.parseInt(remotePort, 16)}`);
}

/** As Node writes it. The kernel lists the words of an address as numbers, in the byte order of the machine. */
function addressOf(hex: string): string {
  const bytes = Buffer.from(hex, 'hex');
  if (endianness() === 'LE') bytes.swap32();
  if (bytes.length === 4) return bytes.join('.');
  const address = bytes.toString('hex').replace(/(.{4})(?!$)/g, '$1:');
  return new SocketAddress({ address, family: 'ipv6' }).address;
}

/** The kernel names no interface: `fe80::1%eth0`. */
function withoutZone(address: string): string {
  return address.replace(/%.*/, '');
}
