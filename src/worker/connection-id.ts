import { randomFillSync } from 'node:crypto';
import { v7 as uuidV7 } from 'uuid';

const idBytes = 16;
/** Asking for 256 ids' worth of randomness costs what asking for one does. */
const pool = Buffer.alloc(256 * idBytes);
let used = pool.length;
let lastMs = 0;
let sequence = 0;

/** A UUIDv7 (RFC 9562). Those of one process are in the order they were made, whatever the clock does. */
export function newConnectionId(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const random = pool.subarray(used, used + idBytes);
  used += idBytes;
  const nowMs = Date.now();
  if (nowMs > lastMs) {
    lastMs = nowMs;
    // Leaves room to count: 31 of 32 bits.
    sequence = random.readUInt32BE(0) >>> 1;
  } else {
    sequence++;
  }
  return uuidV7({ random, msecs: lastMs, seq: sequence });
}
