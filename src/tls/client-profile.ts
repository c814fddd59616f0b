import type { ClientHello } from './client-hello.ts';
import { helloFact } from './hello-facts.ts';
import { isGrease, uint8At, uint16At } from './wire.ts';

/** What a ClientHello says of the program that sent it: the same for all its connections, whatever they ask for. */
export interface ClientProfile {
  /** In the client's order. */
  readonly alpn: readonly string[];
  /** The highest offered: `1.3`, `1.2` … */
  readonly tlsVersion: string;
  readonly ja4: string;
  /** Whether an encrypted ClientHello was offered. */
  readonly ech: boolean;
}

/** Programs in use are hundreds; past this many the oldest are made anew. */
const mostProfiles = 1024;
/** Hellos with longer lists than programs have are read each time: that bounds what is kept, and what is sorted. */
const mostKeyValues = 512;
const mostSorted = 64;

interface KnownProfile {
  readonly key: Uint16Array;
  readonly profile: ClientProfile;
}

/** The profiles of the clients seen lately. A fingerprint takes two hashes and a lot of small garbage to make. */
export class ClientProfiles {
  readonly #known = new Map<number, KnownProfile>();
  readonly #key = new ProfileKey();

  of(hello: ClientHello): ClientProfile {
    const key = this.#key;
    if (!key.read(hello)) return readProfile(hello);
    const known = this.#known.get(key.hash);
    if (known !== undefined && key.is(known.key)) return known.profile;
    const profile = readProfile(hello);
    if (this.#known.size >= mostProfiles) this.#known.clear();
    this.#known.set(key.hash, { key: key.copy(), profile });
    return profile;
  }
}

function readProfile({ alpn, tlsVersion, ja4, features }: ClientHello): ClientProfile {
  return { alpn, tlsVersion, ja4, ech: features.ech };
}

/** Whatever a profile depends on, in a form that GREASE and shuffled extensions leave as it is. */
class ProfileKey {
  readonly #values = new Uint16Array(mostKeyValues);
  #length = 0;
  #hash = 0;

  /** Of all values. It need not be hard to guess: keys are compared. */
  get hash(): number {
    return this.#hash;
  }

  /** False where the hello's lists are too long for a key. */
  read({ message, facts }: ClientHello): boolean {
    const alpnBytes = facts[helloFact.alpnLength] ?? 0;
    const cipherBytes = facts[helloFact.cipherSuitesLength] ?? 0;
    const algorithmBytes = facts[helloFact.signatureAlgorithmsLength] ?? 0;
    if (alpnBytes + (cipherBytes + algorithmBytes) / 2 > mostKeyValues - mostSorted - keyHead) return false;
    const values = this.#values;
    values[0] = facts[helloFact.highestVersion] ?? 0;
    values[1] = alpnBytes;
    let end = writeBytes(values, keyHead, message, facts[helloFact.alpnOffset] ?? 0, alpnBytes);
    values[2] = end = writeList(values, end, message, facts[helloFact.cipherSuitesOffset] ?? 0, cipherBytes);
    values[3] = end = writeList(
      values,
      end,
      message,
      facts[helloFact.signatureAlgorithmsOffset] ?? 0,
      algorithmBytes,
    );
    end = writeExtensions(values, end, message, facts);
    this.#length = end;
    this.#hash = hashOf(values, end);
    return end > 0;
  }

  is(key: Uint16Array): boolean {
    const values = this.#values;
    if (key.length !== this.#length) return false;
    for (let index = 0; index < key.length; index++) if (key[index] !== values[index]) return false;
    return true;
  }

  copy(): Uint16Array {
    return this.#values.slice(0, this.#length);
  }
}

/** The version, how many bytes of ALPN there are, and where the two lists after them end. */
const keyHead = 4;

function writeBytes(
  to: Uint16Array,
  start: number,
  message: Uint8Array,
  offset: number,
  length: number,
): number {
  for (let index = 0; index < length; index++) to[start + index] = uint8At(message, offset + index);
  return start + length;
}

/** 16-bit values. Returns where they end. */
function writeList(
  to: Uint16Array,
  start: number,
  message: Uint8Array,
  offset: number,
  bytes: number,
): number {
  let end = start;
  for (let at = offset; at < offset + bytes; at += 2) {
    const value = uint16At(message, at);
    if (!isGrease(value)) to[end++] = value;
  }
  return end;
}

/** The extensions' types, sorted. Returns where they end; 0: there are too many. */
function writeExtensions(to: Uint16Array, start: number, message: Uint8Array, facts: Int32Array): number {
  const from = facts[helloFact.extensionsOffset] ?? 0;
  const until = from + (facts[helloFact.extensionsLength] ?? 0);
  let end = start;
  for (let at = from; at < until; at += 4 + uint16At(message, at + 2)) {
    const type = uint16At(message, at);
    if (isGrease(type)) continue;
    if (end === start + mostSorted) return 0;
    let place = end++;
    for (; place > start && (to[place - 1] ?? 0) > type; place--) to[place] = to[place - 1] ?? 0;
    to[place] = type;
  }
  return end;
}

function hashOf(values: Uint16Array, length: number): number {
  let hash = 0;
  for (let index = 0; index < length; index++)
    hash = (Math.imul(hash, 0x01000193) + (values[index] ?? 0)) | 0;
  return hash;
}
