import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ClientHello } from '../../src/tls/client-hello.ts';
import { helloFact, helloStatus } from '../../src/tls/hello-facts.ts';
import { buildHello, type HelloOptions, splitIntoRecords } from './hello-builder.ts';
import { type AnyHelloScanner, scanners } from './scanners.ts';

const limit = 65_536;

const uint16 = fc.integer({ min: 0, max: 0xffff });
/** Bytes as the text that has one character for each. */
const latin1 = (minLength: number, maxLength: number) =>
  fc.uint8Array({ minLength, maxLength }).map((bytes) => Buffer.from(bytes).toString('latin1'));

const helloOptions = fc.record(
  {
    serverName: latin1(1, 300),
    alpn: fc.array(latin1(1, 255), { maxLength: 5 }),
    legacyVersion: uint16,
    versions: fc.array(uint16, { maxLength: 20 }),
    cipherSuites: fc.array(uint16, { minLength: 1, maxLength: 120 }),
    groups: fc.array(uint16, { maxLength: 20 }),
    keyShares: fc.array(fc.tuple(uint16, fc.integer({ min: 1, max: 1300 })), { maxLength: 4 }),
    signatureAlgorithms: fc.array(uint16, { maxLength: 30 }),
    sessionIdBytes: fc.integer({ min: 0, max: 32 }),
  },
  { requiredKeys: [] },
);
const recordSizes = fc.array(fc.integer({ min: 1, max: 700 }), { maxLength: 12 });
const cuts = fc.array(fc.nat(limit), { maxLength: 6 });

for (const [implementation, Scanner] of scanners) {
  describe(`whatever hello there is, the ${implementation} scanner`, () => {
    const scanGrowing = (bytes: Uint8Array, lengths: readonly number[]): AnyHelloScanner => {
      const scanner = new Scanner(limit);
      const growing = [...lengths.map((length) => length % (bytes.length + 1)), bytes.length];
      for (const length of growing.sort((a, b) => a - b)) scanner.scan(bytes.subarray(0, length));
      return scanner;
    };

    it('reads back what was built, however it is split into records and segments', () => {
      fc.assert(
        fc.property(helloOptions, recordSizes, cuts, (options, sizes, lengths) => {
          const scanner = scanGrowing(splitIntoRecords(buildHello(options), sizes), lengths);
          assert.equal(scanner.facts[helloFact.status], helloStatus.complete);
          assertReads(new ClientHello(scanner.message, scanner.facts), options);
        }),
      );
    });

    it('gives the same facts for random bytes at once and as they come', () => {
      const handshakeLike = fc
        .uint8Array({ maxLength: 300 })
        .map((bytes) => Uint8Array.of(0x16, 3, 1, bytes.length >> 8, bytes.length & 0xff, 1, 0, ...bytes));
      fc.assert(
        fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), handshakeLike), cuts, (bytes, lengths) => {
          assert.deepEqual(scanGrowing(bytes, lengths).facts, scanGrowing(bytes, []).facts);
        }),
      );
    });
  });
}

function assertReads(hello: ClientHello, options: HelloOptions): void {
  assert.equal(hello.serverName, options.serverName);
  assert.deepEqual(hello.alpn, options.alpn ?? []);
  assert.equal(hello.legacyVersion, options.legacyVersion ?? 0x0303);
  if (options.cipherSuites) assert.deepEqual(hello.cipherSuites, options.cipherSuites);
  if (options.versions) assert.deepEqual(hello.supportedVersions, options.versions);
  if (options.signatureAlgorithms) assert.deepEqual(hello.signatureAlgorithms, options.signatureAlgorithms);
  assert.equal(hello.features.noSni, options.serverName === undefined);
  assert.equal(hello.features.tls13, (options.versions ?? [0x0304]).includes(0x0304));
  assert.match(hello.ja4, /^t(1[0-3]|s[23]|d[123]|00)[di]\d{4}..(_[0-9a-f]{12}){2}$/);
}
