import crypto from 'node:crypto';
import { extensionType } from './hello-extensions.ts';
import { isGrease } from './wire.ts';

/** What of a `ClientHello` goes into the fingerprint. */
export interface FingerprintedHello {
  readonly highestVersion: number;
  readonly cipherSuites: readonly number[];
  readonly extensionTypes: readonly number[];
  readonly signatureAlgorithms: readonly number[];
  readonly alpn: readonly string[];
}

/** Stands for a list with nothing in it. */
const emptyHash = '000000000000';
const comma = 0x2c;
const underscore = 0x5f;

/** The JA4 fingerprint of a TLS client over TCP, as FoxIO defines it (technical_details/JA4.md). */
export function ja4Fingerprint(hello: FingerprintedHello): string {
  const ciphers = Uint16Array.from(hello.cipherSuites.filter(isNotGrease)).sort();
  const extensions = hello.extensionTypes.filter(isNotGrease);
  const signatureAlgorithms = hello.signatureAlgorithms.filter(isNotGrease);
  const hashedExtensions = Uint16Array.from(extensions.filter(isHashed)).sort();

  const version = versionCodes.get(hello.highestVersion) ?? '00';
  const destination = extensions.includes(extensionType.serverName) ? 'd' : 'i';
  const readable = `t${version}${destination}${count(ciphers)}${count(extensions)}${alpnCode(hello.alpn[0])}`;
  return `${readable}_${hash12(hexLists(ciphers, []))}_${hash12(hexLists(hashedExtensions, signatureAlgorithms))}`;
}

function isNotGrease(value: number): boolean {
  return !isGrease(value);
}

/** The readable part shows these two, so that the hash is the same whatever name and protocol a client asks for. */
function isHashed(type: number): boolean {
  return type !== extensionType.serverName && type !== extensionType.alpn;
}

/** Two decimal digits; 99 stands for more. */
function count(values: ArrayLike<number>): string {
  return String(Math.min(values.length, 99)).padStart(2, '0');
}

/** The first and last character of the first protocol; of its hex form where either of them is no letter or digit. */
function alpnCode(protocol: string | undefined): string {
  if (protocol === undefined || protocol === '') return '00';
  const ends = protocol.charAt(0) + protocol.charAt(protocol.length - 1);
  if (/^[0-9A-Za-z]{2}$/.test(ends)) return ends;
  const hex = Buffer.from(protocol, 'latin1').toString('hex');
  return hex.charAt(0) + hex.charAt(hex.length - 1);
}

/** `0005,000a_0403,0804` in ASCII; without the underscore where there is no second list. */
function hexLists(first: ArrayLike<number>, second: ArrayLike<number>): Uint8Array {
  const text = Buffer.allocUnsafe(5 * (first.length + second.length));
  const end = writeHexList(text, 0, first);
  if (second.length === 0) return text.subarray(0, Math.max(0, end - 1));
  if (end > 0) text[end - 1] = underscore;
  return text.subarray(0, writeHexList(text, end, second) - 1);
}

/** Writes each value as four digits and a comma, and gives the offset after the last comma. */
function writeHexList(text: Uint8Array, offset: number, values: ArrayLike<number>): number {
  let at = offset;
  for (let index = 0; index < values.length; index++) {
    const value = values[index] ?? 0;
    text[at] = hexDigit(value >> 12);
    text[at + 1] = hexDigit((value >> 8) & 15);
    text[at + 2] = hexDigit((value >> 4) & 15);
    text[at + 3] = hexDigit(value & 15);
    text[at + 4] = comma;
    at += 5;
  }
  return at;
}

function hexDigit(value: number): number {
  return value + (value < 10 ? 0x30 : 0x57);
}

function hash12(text: Uint8Array): string {
  if (text.length === 0) return emptyHash;
  // The one-shot function costs half, and came with Node 20.12.
  const digest =
    crypto.hash?.('sha256', text, 'hex') ?? crypto.createHash('sha256').update(text).digest('hex');
  return digest.slice(0, emptyHash.length);
}

const versionCodes = new Map([
  [0x0304, '13'],
  [0x0303, '12'],
  [0x0302, '11'],
  [0x0301, '10'],
  [0x0300, 's3'],
  [0x0002, 's2'],
  [0xfeff, 'd1'],
  [0xfefd, 'd2'],
  [0xfefc, 'd3'],
]);
