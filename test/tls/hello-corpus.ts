import { readdirSync, readFileSync } from 'node:fs';
import type { HelloFeatures } from '../../src/tls/client-hello.ts';
import { buildHello, concat, record, splitIntoBytes, splitIntoRecords } from './hello-builder.ts';

export interface NamedHello {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** One entry of test/vectors/hellos/expected.json: what tshark reads in a captured hello. Lists are hex, `1301,1302`. */
export interface ExpectedHello {
  readonly wireBytes: number;
  readonly messageBytes: number;
  readonly recordCount: number;
  readonly legacyVersion: number;
  readonly tlsVersion: string;
  readonly serverName: string | null;
  readonly alpn: readonly string[];
  readonly cipherSuites: string;
  readonly extensionTypes: string;
  readonly signatureAlgorithms: string;
  readonly supportedVersions: string;
  readonly features: HelloFeatures;
  readonly ja4: string;
}

const folder = new URL('../vectors/hellos/', import.meta.url);

/** First flights of real clients. */
export const capturedHellos = readHellos('captured');

/** One hello for each malformed reason, named after it. */
export const malformedHellos = readHellos('malformed');

export const expectedHellos: Readonly<Record<string, ExpectedHello>> = JSON.parse(
  readFileSync(new URL('expected.json', folder), 'utf8'),
);

const early = buildHello({ serverName: 'early.example.com', alpn: ['h2'] });

/** What no client at hand sends, and everything else that a scanner must get through. */
export const builtHellos: readonly NamedHello[] = [
  { name: 'nothing', bytes: new Uint8Array(0) },
  {
    name: 'plain HTTP',
    bytes: new Uint8Array(Buffer.from('GET / HTTP/1.1\r\nHost: shop.example.com\r\n\r\n')),
  },
  { name: 'an SSLv2 hello', bytes: Uint8Array.from([0x80, 0x2e, 0x01, 0x03, 0x01, 0x00, 0x15, 0x00, 0x00]) },
  { name: 'no extensions', bytes: buildHello({ withExtensions: false }) },
  { name: 'one-byte records', bytes: splitIntoBytes(buildHello({ serverName: 'bytes.example.com' })) },
  { name: 'a header in four records', bytes: splitIntoRecords(early, [1, 1, 1, 1]) },
  {
    name: 'a padded hello of 20 kB',
    bytes: buildHello({ serverName: 'big.example.com', wireBytes: 20_000 }),
  },
  { name: 'more after the hello', bytes: concat([early, record(Uint8Array.of(1), 0x0303, 20), early]) },
  { name: 'more in the hello’s record', bytes: withMoreInTheRecord() },
];

export const allHellos: readonly NamedHello[] = [...capturedHellos, ...malformedHellos, ...builtHellos];

function readHellos(kind: string): readonly NamedHello[] {
  const files = readdirSync(new URL(kind, folder)).filter((file) => file.endsWith('.bin'));
  return files.sort().map((file) => ({
    name: file.slice(0, -'.bin'.length),
    bytes: new Uint8Array(readFileSync(new URL(`${kind}/${file}`, folder))),
  }));
}

/** A second handshake message follows the hello inside the same record. */
function withMoreInTheRecord(): Uint8Array {
  const message = early.subarray(5);
  return record(concat([message, Uint8Array.of(20, 0, 0, 1, 0)]));
}
