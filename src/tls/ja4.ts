import { createHash } from 'node:crypto';
import { extensionType } from './hello-extensions.ts';
import { isGrease } from './wire.ts';

/** Stands for a list with nothing in it. */
const emptyHash = '000000000000';

/** What of a `ClientHello` goes into the fingerprint. */
export interface FingerprintedHello {
  readonly highestVersion: number;
  readonly cipherSuites: readonly number[];
  readonly extensionTypes: readonly number[];
  readonly signatureAlgorithms: readonly number[];
  readonly alpn: readonly string[];
}

/** The JA4 fingerprint of a TLS client over TCP, as FoxIO defines it (technical_details/JA4.md). */
export function ja4Fingerprint(hello: FingerprintedHello): string {
  const ciphers = hello.cipherSuites.filter((cipher) => !isGrease(cipher));
  const extensions = hello.extensionTypes.filter((type) => !isGrease(type));
  const signatureAlgorithms = hello.signatureAlgorithms.filter((algorithm) => !isGrease(algorithm));

  const version = versionCodes.get(hello.highestVersion) ?? '00';
  const destination = extensions.includes(extensionType.serverName) ? 'd' : 'i';
  const alpn = alpnCode(hello.alpn[0]);
  const readable = `t${version}${destination}${count(ciphers)}${count(extensions)}${alpn}`;

  const hashedExtensions = extensions.filter(
    (type) => type !== extensionType.serverName && type !== extensionType.alpn,
  );
  const extensionList = hexList(hashedExtensions.sort(ascending));
  const signatureList = hexList(signatureAlgorithms);
  const tail = signatureList === '' ? extensionList : `${extensionList}_${signatureList}`;
  return `${readable}_${hash12(hexList(ciphers.sort(ascending)))}_${hash12(tail)}`;
}

/** Two decimal digits; 99 stands for more. */
function count(values: readonly number[]): string {
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

function hash12(text: string): string {
  return text === '' ? emptyHash : createHash('sha256').update(text).digest('hex').slice(0, 12);
}

function hexList(values: readonly number[]): string {
  return values.map((value) => value.toString(16).padStart(4, '0')).join(',');
}

function ascending(a: number, b: number): number {
  return a - b;
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
