import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { helloFactCount, helloStatus } from '../../src/tls/hello-facts.ts';
import { HelloScanner } from '../../src/tls/hello-scanner.ts';
import { splitIntoBytes, splitIntoRecords } from './hello-builder.ts';
import { allHellos, capturedHellos, type NamedHello } from './hello-corpus.ts';
import { mutated } from './hello-mutations.ts';
import { type Random, seededRandom } from './random.ts';
import { type AnyHelloScanner, nativeScanner, withoutNative } from './scanners.ts';

const limit = 65_536;
/** How many inputs, and which. */
const { SLUICE_FUZZ_COUNT = '1000000', SLUICE_FUZZ_SEED = '1' } = process.env;

describe('the TypeScript and the C++ hello scanner agree', { skip: withoutNative }, () => {
  for (const { name, bytes } of allHellos) {
    it(`on every prefix of ${name}, at once and as it grows`, () => {
      const growing = new ScannerPair(limit);
      for (let length = 0; length <= bytes.length; length++) {
        const prefix = bytes.subarray(0, length);
        const atOnce = new ScannerPair(limit).scan(prefix);
        assert.deepEqual(growing.scan(prefix), atOnce, `${length} bytes`);
        assert.deepEqual(growing.message, atOnce[0] === helloStatus.complete ? growing.message : nothing);
      }
    });
  }

  for (const { name, bytes } of capturedHellos.map(inOneRecord)) {
    it(`on ${name} in two records, split anywhere`, () => {
      const whole = new ScannerPair(limit);
      whole.scan(bytes);
      for (let size = 1; size < whole.message.length; size++) {
        const split = new ScannerPair(limit);
        split.scan(splitIntoRecords(bytes, [size]));
        assert.deepEqual(split.message, whole.message, `split after ${size}`);
      }
    });

    it(`on ${name} in one-byte records, byte by byte`, () => {
      const wire = splitIntoBytes(bytes);
      const pair = new ScannerPair(limit);
      for (let length = 0; length <= wire.length; length++) pair.scan(wire.subarray(0, length));
      assert.equal(pair.status, helloStatus.complete);
    });
  }

  it(`on ${SLUICE_FUZZ_COUNT} mutated hellos`, (test) => {
    const count = Number(SLUICE_FUZZ_COUNT);
    const seed = Number(SLUICE_FUZZ_SEED);
    const random = seededRandom(seed);
    const corpus = allHellos.map(({ bytes }) => bytes).filter((bytes) => bytes.length < 3000);
    const statuses = new Array<number>(5).fill(0);
    const pair = new ScannerPair(2048);
    for (let index = 0; index < count; index++) {
      const input = mutated(corpus, random);
      pair.reset();
      const what = () => `seed ${seed}, input ${index}: ${Buffer.from(input).toString('hex')}`;
      for (const length of growth(input.length, random)) pair.scan(input.subarray(0, length), what);
      statuses[pair.status] = (statuses[pair.status] ?? 0) + 1;
    }
    const shares = Object.entries(helloStatus).map(([name, status]) => `${name} ${statuses[status]}`);
    test.diagnostic(`${count} mutated hellos from seed ${seed}: ${shares.join(', ')}`);
    // Mutations that never reach the parser's depths, or never break anything, would test little.
    for (const [name, status] of Object.entries(helloStatus))
      assert((statuses[status] ?? 0) > count / 200, name);
  });
});

const nothing = new Uint8Array(0);

/** Both scanners on the same input; each scan asserts that they agree to the bit. */
class ScannerPair {
  readonly #portable: AnyHelloScanner;
  readonly #native: AnyHelloScanner;
  readonly #portableFacts: Int32Array;
  readonly #nativeFacts: Int32Array;

  constructor(maxHelloBytes: number) {
    if (nativeScanner === undefined) throw new Error('there is no native addon');
    this.#portable = new HelloScanner(maxHelloBytes);
    this.#native = new nativeScanner(maxHelloBytes);
    this.#portableFacts = this.#portable.facts;
    this.#nativeFacts = this.#native.facts;
  }

  get status(): number {
    return this.#portableFacts[0] ?? -1;
  }

  get message(): Uint8Array {
    const message = this.#portable.message;
    assert.deepEqual(this.#native.message, new Uint8Array(message));
    return message;
  }

  scan(input: Uint8Array, what = () => `${input.length} bytes`): number[] {
    const status = this.#portable.scan(input);
    if (status !== this.#native.scan(input) || !this.#sameFacts()) {
      assert.deepEqual([...this.#nativeFacts], [...this.#portableFacts], what());
    }
    return [...this.#portableFacts];
  }

  reset(): void {
    this.#portable.reset();
    this.#native.reset();
  }

  #sameFacts(): boolean {
    for (let index = 0; index < helloFactCount; index++) {
      if (this.#portableFacts[index] !== this.#nativeFacts[index]) return false;
    }
    return true;
  }
}

/** Mostly everything at once, else in two or three steps. */
function growth(length: number, random: Random): number[] {
  if (random.below(4) > 0) return [length];
  const first = random.below(length + 1);
  return random.below(2) === 0 ? [first, length] : [first, first + random.below(length - first + 1), length];
}

/** A captured hello without what follows it, for splitting. */
function inOneRecord({ name, bytes }: NamedHello): NamedHello {
  const scanner = new HelloScanner(limit);
  scanner.scan(bytes);
  const header = Uint8Array.of(22, 3, 1, scanner.message.length >> 8, scanner.message.length & 0xff);
  return { name, bytes: new Uint8Array(Buffer.concat([header, scanner.message])) };
}
