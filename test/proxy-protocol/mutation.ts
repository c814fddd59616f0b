import { crc32c } from '../../src/proxy-protocol/crc32c.ts';

/** A whole number from 0 to below `bound`. */
export type Random = (bound: number) => number;

/** The same numbers for the same seed: Marsaglia's xorshift32. */
export function seededRandom(seed: number): Random {
  let state = seed | 1;
  return (bound) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % bound;
  };
}

/** Bytes that mean something somewhere in a header. */
const telling = Buffer.from('0123456789abcfF:.% \r\n\0\x01\x03\x04\x11\x20\x21\x31\xff', 'latin1');

/** `original` after one to four changes, now and then put right again so that the change is reached behind a length or a checksum. */
export function mutated(original: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
  let bytes: Uint8Array = Buffer.from(original);
  for (let changes = 1 + random(4); changes > 0; changes--) bytes = changed(bytes, other, random);
  if (bytes.length >= 16 && bytes[0] === 0x0d && random(2) === 0) rightLength(bytes);
  if (bytes.length >= 30 && bytes[0] === 0x0d && random(2) === 0) rightChecksum(bytes);
  return bytes;
}

/** Mostly one of what follows the signature: nothing else is looked at once that is wrong. */
function changed(bytes: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
  const from = random(8) === 0 ? 0 : Math.min(6 * (1 + random(2)), bytes.length);
  const at = from + random(bytes.length + 1 - from);
  const before = bytes.subarray(0, at);
  switch (random(7)) {
    case 0:
      return Buffer.concat([before, Buffer.of(random(256)), bytes.subarray(at + 1)]);
    case 1:
      return Buffer.concat([before, Buffer.of(telling[random(telling.length)] ?? 0), bytes.subarray(at + 1)]);
    case 2:
      return Buffer.concat([before, Buffer.of(telling[random(telling.length)] ?? 0), bytes.subarray(at)]);
    case 3:
      return Buffer.concat([before, bytes.subarray(at + 1 + random(3))]);
    case 4:
      return Buffer.concat([before, bytes.subarray(Math.max(0, at - random(8)))]);
    case 5:
      return Buffer.concat([before, other.subarray(random(other.length + 1))]);
    default:
      return random(4) === 0 ? before : Buffer.concat([bytes, other.subarray(0, random(20))]);
  }
}

function rightLength(bytes: Uint8Array): void {
  bytes[14] = (bytes.length - 16) >> 8;
  bytes[15] = (bytes.length - 16) & 0xff;
}

/** Writes the checksum that a checksum TLV at the very end ought to have. */
function rightChecksum(bytes: Uint8Array): void {
  bytes.set([0x03, 0, 4, 0, 0, 0, 0], bytes.length - 7);
  const crc = crc32c(bytes);
  bytes.set([crc >>> 24, (crc >>> 16) & 0xff, (crc >>> 8) & 0xff, crc & 0xff], bytes.length - 4);
}
