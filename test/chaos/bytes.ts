import { seededRandom } from '../tls/random.ts';

/** A prime, so that no two streams that are compared by accident repeat in step. */
const noiseBytes = 65_521;
const noise = makeNoise();

/** Noise from a starting point of its own, as long as it is wanted. */
export interface Noise {
  readonly from: number;
  readonly length: number;
}

/** A stream that is known before it is sent, and needs no memory. */
export class Bytes {
  readonly length: number;
  readonly #parts: readonly (Uint8Array | Noise)[];

  constructor(parts: readonly (Uint8Array | Noise)[]) {
    this.#parts = parts;
    this.length = parts.reduce((sum, part) => sum + part.length, 0);
  }

  /** Some of what stands at a position, at most `most`; empty at the end. */
  slice(at: number, most: number): Uint8Array {
    let start = at;
    for (const part of this.#parts) {
      if (start < part.length) return cut(part, start, Math.min(most, part.length - start));
      start -= part.length;
    }
    return new Uint8Array(0);
  }

  matches(at: number, chunk: Uint8Array): boolean {
    for (let done = 0; done < chunk.length; ) {
      const expected = this.slice(at + done, chunk.length - done);
      if (expected.length === 0) return false;
      if (Buffer.compare(expected, chunk.subarray(done, done + expected.length)) !== 0) return false;
      done += expected.length;
    }
    return true;
  }
}

function cut(part: Uint8Array | Noise, start: number, length: number): Uint8Array {
  if (part instanceof Uint8Array) return part.subarray(start, start + length);
  const from = (part.from + start) % noiseBytes;
  return noise.subarray(from, from + Math.min(length, noiseBytes));
}

/** Twice, so that a slice may start anywhere. */
function makeNoise(): Buffer {
  const random = seededRandom(1);
  const once = Buffer.from(Array.from({ length: noiseBytes }, () => random.below(256)));
  return Buffer.concat([once, once]);
}
