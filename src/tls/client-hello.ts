import { helloFact, helloFeature } from './hello-facts.ts';
import { ja4Fingerprint } from './ja4.ts';
import { uint8At, uint16At } from './wire.ts';

/** One bit of `helloFeature` a property. */
export type HelloFeatures = { readonly [feature in keyof typeof helloFeature]: boolean };

/**
 * A scanned ClientHello: the handshake message and where things are in it. Everything is decoded when asked for, so
 * the message's bytes and the facts need only be valid while something is asked.
 */
export class ClientHello {
  /** The handshake message, type byte first, as one piece; may be longer than the message. */
  readonly message: Uint8Array;
  readonly facts: Int32Array;

  constructor(message: Uint8Array, facts: Int32Array) {
    this.message = message;
    this.facts = facts;
  }

  /** The SNI host name as sent (one character a byte), undefined where there is none. */
  get serverName(): string | undefined {
    const offset = this.#fact(helloFact.serverNameOffset);
    return offset < 0 ? undefined : this.#latin1(offset, this.#fact(helloFact.serverNameLength));
  }

  /** The ALPN protocols in the client's order (one character a byte); empty where none are offered. */
  get alpn(): string[] {
    const protocols: string[] = [];
    const offset = this.#fact(helloFact.alpnOffset);
    const end = offset + this.#fact(helloFact.alpnLength);
    for (let at = offset; at < end; at += 1 + uint8At(this.message, at)) {
      protocols.push(this.#latin1(at + 1, uint8At(this.message, at)));
    }
    return protocols;
  }

  get legacyVersion(): number {
    return this.#fact(helloFact.legacyVersion);
  }

  get highestVersion(): number {
    return this.#fact(helloFact.highestVersion);
  }

  /** The highest version offered, as people write it: `1.3`, `1.2`, `1.1`, `1.0`, `ssl3`; else its number, `0x7f1c`. */
  get tlsVersion(): string {
    const version = this.highestVersion;
    return versionNames.get(version) ?? `0x${version.toString(16).padStart(4, '0')}`;
  }

  get cipherSuites(): number[] {
    return this.#uint16s(helloFact.cipherSuitesOffset, helloFact.cipherSuitesLength);
  }

  /** The extensions' types in the client's order. */
  get extensionTypes(): number[] {
    const types: number[] = [];
    const offset = this.#fact(helloFact.extensionsOffset);
    const end = offset + this.#fact(helloFact.extensionsLength);
    for (let at = offset; at < end; at += 4 + uint16At(this.message, at + 2)) {
      types.push(uint16At(this.message, at));
    }
    return types;
  }

  get signatureAlgorithms(): number[] {
    return this.#uint16s(helloFact.signatureAlgorithmsOffset, helloFact.signatureAlgorithmsLength);
  }

  get supportedVersions(): number[] {
    return this.#uint16s(helloFact.supportedVersionsOffset, helloFact.supportedVersionsLength);
  }

  get features(): HelloFeatures {
    const bits = this.#fact(helloFact.features);
    return {
      ech: (bits & helloFeature.ech) !== 0,
      postQuantum: (bits & helloFeature.postQuantum) !== 0,
      grease: (bits & helloFeature.grease) !== 0,
      tls13: (bits & helloFeature.tls13) !== 0,
      noSni: (bits & helloFeature.noSni) !== 0,
      multiRecord: (bits & helloFeature.multiRecord) !== 0,
    };
  }

  /** How long the hello was on the wire, record headers included. */
  get wireBytes(): number {
    return this.#fact(helloFact.wireBytes);
  }

  /** The client's JA4 fingerprint. */
  get ja4(): string {
    return ja4Fingerprint(this);
  }

  #fact(index: number): number {
    return this.facts[index] ?? 0;
  }

  #uint16s(offsetFact: number, lengthFact: number): number[] {
    const values: number[] = [];
    const offset = this.#fact(offsetFact);
    const end = offset + this.#fact(lengthFact);
    for (let at = offset; at < end; at += 2) values.push(uint16At(this.message, at));
    return values;
  }

  #latin1(offset: number, length: number): string {
    return latin1Slice.call(this.message, offset, offset + length);
  }
}

/** Node's native conversion, ten times as fast as any other way; its types leave it out, and it takes any Uint8Array. */
const latin1Slice = (
  Buffer.prototype as Buffer & { latin1Slice(this: Uint8Array, start: number, end: number): string }
).latin1Slice;

const versionNames = new Map([
  [0x0304, '1.3'],
  [0x0303, '1.2'],
  [0x0302, '1.1'],
  [0x0301, '1.0'],
  [0x0300, 'ssl3'],
]);
