/**
 * MurmurHash3 (x86, 32 bits) of a text, each UTF-16 code unit a block of its own: no bytes have to be made for it.
 * An unsigned integer. The same everywhere and always: what it decides must survive a restart.
 */
export function hashText(text: string, seed: number): number {
  let hash = seed;
  for (let index = 0; index < text.length; index += 1) {
    let block = Math.imul(text.charCodeAt(index), 0xcc9e2d51);
    block = Math.imul((block << 15) | (block >>> 17), 0x1b873593);
    hash ^= block;
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  return mix(hash ^ text.length) >>> 0;
}

/** MurmurHash3's finaliser: every bit of the input changes every bit of the result with probability 1/2. */
export function mix(bits: number): number {
  let hash = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
