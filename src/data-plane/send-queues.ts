import type { Socket } from 'node:net';
import { extname } from 'node:path';
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { connectionText, type ListedQueues } from './listed-queues.ts';

/**
 * The kernel lists every socket there is, those in TIME_WAIT too: with 100,000 of them that takes it a quarter of a
 * second. So the list is read in a thread, once for all who wait, and that takes a tenth of the time, or more where a
 * thread has to wait for the processor: resets wait for it.
 */
const restFactor = 9;
const longestRestMs = 1_000;
/** How long the thread waits for the next reset before it gives its memory back. */
const idleTimeoutMs = 60_000;

/** Who is answered resets two sockets: some thousand in one turn of the loop would hold up everybody else. */
const answersPerTurn = 4;

/** Those who have asked for a list that has not been begun. */
interface NextList {
  readonly asked: Set<string>;
  readonly waiting: Promise<ReadonlySet<string>>;
}

let pool: Piscina<readonly string[], ListedQueues> | undefined;
let nextList: NextList | undefined;
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
  if (process.platform !== 'linux') return false;
  const { localAddress = '', localPort = 0, remoteAddress = '', remotePort = 0 } = socket;
  const connection = connectionText(localAddress, localPort, remoteAddress, remotePort);
  nextList ??= prepareList();
  nextList.asked.add(connection);
  const waiting = await nextList.waiting;
  await turnOf();
  return waiting.has(connection);
}

/** A few can share a turn of the loop. */
function turnOf(): Promise<void> {
  if (answers % answersPerTurn === 0) turn = turn.then(() => nextTurn());
  answers += 1;
  return turn;
}

function prepareList(): NextList {
  const asked = new Set<string>();
  return { asked, waiting: rested.then(() => list(asked)) };
}

async function list(asked: ReadonlySet<string>): Promise<ReadonlySet<string>> {
  // Whoever asks from here on needs a newer one.
  nextList = undefined;
  const listed = listInThread([...asked]);
  rested = listed.then(({ tookMs }) => delay(Math.min(tookMs * restFactor, longestRestMs)));
  return new Set((await listed).waiting);
}

/** Where no thread can be had, nothing is known to wait. */
async function listInThread(asked: readonly string[]): Promise<ListedQueues> {
  pool ??= new Piscina({
    // `listed-queues.ts`, or `listed-queues.js` where this is compiled.
    filename: fileURLToPath(new URL(`./listed-queues${extname(import.meta.url)}`, import.meta.url)),
    minThreads: 0,
    maxThreads: 1,
    idleTimeout: idleTimeoutMs,
  });
  try {
    return await pool.run(asked);
  } catch {
    return { waiting: [], tookMs: 0 };
  }
}
