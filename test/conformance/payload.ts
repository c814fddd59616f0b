import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Peer } from './peer.ts';
import { turns } from './wait.ts';

const blockBytes = 256 * 1024;
export const stopBlockBytes = 64 * 1024;
/** A sender whose kernel has taken nothing for this long has been stopped. */
const quietMs = 300;

/** `bytes` bytes with no pattern that a misplaced chunk could hide in (xorshift32); the same for the same seed. */
export function payload(bytes: number, seed = 1): Buffer {
  const words = new Int32Array(Math.ceil(bytes / 4));
  let state = seed;
  for (let at = 0; at < words.length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[at] = state;
  }
  return Buffer.from(words.buffer, 0, bytes);
}

/** Sends that many bytes, each block stamped with its number, no faster than the kernel takes them; returns their SHA-256. */
export async function sendDigested(peer: Peer, bytes: number, seed = 1): Promise<string> {
  const block = payload(Math.min(bytes, blockBytes), seed);
  const hash = createHash('sha256');
  for (let sent = 0; sent < bytes; sent += blockBytes) {
    if (block.length >= 4) block.writeUInt32LE(sent / blockBytes);
    const chunk = block.subarray(0, bytes - sent);
    hash.update(chunk);
    await peer.send(chunk);
  }
  return hash.digest('hex');
}

/** Sends numbered blocks until the kernel takes no more. It has taken `blocks`, and one more is on its way. */
export async function sendUntilStopped(
  sender: Peer,
  blockBytes = stopBlockBytes,
): Promise<{ blocks: number; lastBlock: Promise<void> }> {
  const bytes = payload(blockBytes);
  for (let blocks = 0; ; blocks++) {
    bytes.writeUInt32LE(blocks);
    const lastBlock = sender.send(bytes);
    const isTaken = await Promise.race([lastBlock.then(() => true), delay(quietMs, false)]);
    if (!isTaken) return { blocks, lastBlock };
    await turns(1);
  }
}
