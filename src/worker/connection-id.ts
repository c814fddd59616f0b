import { randomFillSync } from 'node:crypto';
import { v7 as writeUuidV7 } from 'uuid';

const idBytes = 16;
/** Asking for 256 ids' worth of randomness costs what asking for one does. */
const pool = Buffer.alloc(256 * idBytes);
let used = pool.length;
let lastMs = 0;
let sequence = 0;

const random = new Uint8Array(idBytes);
const id = new Uint8Array(idBytes);
const text = Buffer.from('00000000-0000-0000-0000-000000000000');
const digits = Buffer.from('0123456789abcdef');
/** Where each byte of an id has its two digits in the text. */
const places = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/** A UUIDv7 (RFC 9562). Those of one process are in the order they were made, whatever the clock does. */
export function newConnectionId(): string {
  drawRandom();
  const nowMs = Date.now();
  if (nowMs > lastMs) {
    lastMs = nowMs;
    // Leaves room to count: 31 of 32 bits.
    sequence = (random[0] ?? 0) * 2 ** 23 + (random[1] ?? 0) * 2 ** 15 + (random[2] ?? 0) * 2 ** 7;
  } else {
    sequence++;
  }
  writeUuidV7({ random, msecs: lastMs, seq: sequence }, id);
  return idText();
}

function drawRandom(): void {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  for (let index = 0; index < idBytes; index++) random[index] = pool[used + index] ?? 0;
  used += idBytes;
}

/** The library puts it together from twenty strings. */
function idText(): string {
  for (let index = 0; index < idBytes; index++) {
    const byte = id[index] ?? 0;
    const place = places[index] ?? 0;
    text[place] = digits[byte >> 4] ?? 0;
    text[place + 1] = digits[byte & 15] ?? 0;
  }
  return text.toString('latin1');
}
