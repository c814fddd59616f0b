import type { ClientHello } from './client-hello.ts';
import { helloFact, helloFeature } from './hello-facts.ts';
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
  hash = 0;

  /** False where the hello's lists are too long for a key. */
  read({ message, facts }: ClientHello): boolean {
    const fact = (index: number) => facts[index] ?? 0;
    this.#length = 0;
    this.#add(fact(helloFact.highestVersion));
    this.#add(fact(helloFact.features) & helloFeature.ech);
    const fits =
      this.#addBytes(message, fact(helloFact.alpnOffset), fact(helloFact.alpnLength)) &&
      this.#addList(message, fact(helloFact.cipherSuitesOffset), fact(helloFact.cipherSuitesLength)) &&
      this.#addList(
        message,
        fact(helloFact.signatureAlgorithmsOffset),
        fact(helloFact.signatureAlgorithmsLength),
      ) &&
      this.#addExtensions(message, fact(helloFact.extensionsOffset), fact(helloFact.extensionsLength));
    if (fits) this.#hash();
    return fits;
  }

  is(key: Uint16Array): boolean {
    if (key.length !== this.#length) return false;
    for (let index = 0; index < key.length; index++) {
      if (key[index] !== this.#values[index]) return false;
    }
    return true;
  }

  copy(): Uint16Array {
    return this.#values.slice(0, this.#length);
  }

  #add(value: number): void {
    this.#values[this.#length++] = value;
  }

  #addBytes(message: Uint8Array, offset: number, length: number): boolean {
    if (this.#length + 1 + length > mostKeyValues) return false;
    this.#add(length);
    for (let at = offset; at < offset + length; at++) this.#add(uint8At(message, at));
    return true;
  }

  /** 16-bit values, their number in front. */
  #addList(message: Uint8Array, offset: number, bytes: number): boolean {
    if (this.#length + 1 + bytes / 2 > mostKeyValues) return false;
    const countAt = this.#length++;
    for (let at = offset; at < offset + bytes; at += 2) {
      const value = uint16At(message, at);
      if (!isGrease(value)) this.#add(value);
    }
    this.#values[countAt] = this.#length - countAt;
    return true;
  }

  /** The types, sorted. */
  #addExtensions(message: Uint8Array, offset: number, bytes: number): boolean {
    const values = this.#values;
    const start = this.#length;
    const mostLength = Math.min(mostKeyValues, start + mostSorted);
    for (let at = offset; at < offset + bytes; at += 4 + uint16At(message, at + 2)) {
      const type = uint16At(message, at);
      if (isGrease(type)) continue;
      if (this.#length === mostLength) return false;
      let place = this.#length++;
      for (; place > start && (values[place - 1] ?? 0) > type; place--)
        values[place] = values[place - 1] ?? 0;
      values[place] = type;
    }
    return true;
  }

  #hash(): void {
    let hash = this.#length;
    for (let index = 0; index < this.#length; index++) {
      hash = Math.imul(hash ^ (this.#values[index] ?? 0), 0x01000193);
      hash ^= hash >>> 15;
    }
    this.hash = hash;
  }
}
