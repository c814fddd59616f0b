import { createReadStream } from 'node:fs';
import type { Socket } from 'node:net';

/**
 * The kernel lists every socket there is, those in TIME_WAIT too: with 100,000 of them that takes it a quarter of a
 * second. So the list is read beside the event loop, once for all who wait, and then left alone for this many times
 * as long as that took.
 */
const restFactor = 10;

/** As proc_pid_net(5) has them; a line that holds this says that nothing waits to be sent. */
const noQueue = ' 00000000:';
const queueLine = /^\s*\d+: \w+:(\w{4}) \w+:(\w{4}) \w\w /;

type Queues = ReadonlySet<string>;

/** The list that has been asked for and not begun. */
let nextList: Promise<Queues> | undefined;
/** Settles when another may be begun. */
let rested: Promise<unknown> = Promise.resolve();

/**
 * Whether the kernel's send queue holds bytes that the peer has not acknowledged, seen after the call. Node cannot ask
 * for it, Linux lists it; false where that is not to be had.
 */
export async function hasUnacknowledgedBytes(socket: Socket): Promise<boolean> {
  const { localPort, remotePort } = socket;
  nextList ??= rested.then(list);
  return (await nextList).has(`${localPort} ${remotePort}`);
}

async function list(): Promise<Queues> {
  // Whoever asks from here on needs a newer one.
  nextList = undefined;
  const startMs = performance.now();
  const found = new Set<string>();
  const listed = Promise.all(
    ['/proc/self/net/tcp', '/proc/self/net/tcp6'].map((path) => addQueues(path, found)),
  );
  rested = listed.then(() => rest((performance.now() - startMs) * restFactor));
  await listed;
  return found;
}

function rest(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** By both ports: connections that differ in their addresses alone are taken for one. */
async function addQueues(path: string, found: Set<string>): Promise<void> {
  let unfinished = '';
  try {
    for await (const chunk of createReadStream(path, 'latin1')) {
      const lines: string[] = `${unfinished}${chunk}`.split('\n');
      unfinished = lines.pop() ?? '';
      for (const line of lines) addQueue(line, found);
    }
  } catch {
    // Not Linux, or a kernel without IPv6.
  }
}

function addQueue(line: string, found: Set<string>): void {
  if (line.includes(noQueue)) return;
  const [, local, remote] = queueLine.exec(line) ?? [];
  if (local === undefined || remote === undefined) return;
  found.add(`${Number.parseInt(local, 16)} ${Number.parseInt(remote, 16)}`);
}
