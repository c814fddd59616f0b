import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ClientHello } from '../../src/tls/client-hello.ts';
import { helloFact, helloStatus, malformedReason, malformedSentences } from '../../src/tls/hello-facts.ts';
import {
  buildHello,
  buildMessage,
  concat,
  type HelloOptions,
  handshakeBytes,
  keyShareExtension,
  record,
  serverNameExtension,
  splitIntoBytes,
  splitIntoRecords,
} from './hello-builder.ts';
import { allHellos, capturedHellos, expectedHellos, malformedHellos } from './hello-corpus.ts';
import { type AnyHelloScanner, scanners, withoutNative } from './scanners.ts';

const limit = 65_536;

it('runs on both scanners', { skip: withoutNative }, () => {
  assert.equal(scanners.length, 2);
});

for (const [implementation, Scanner] of scanners) {
  describe(`the ${implementation} hello scanner`, () => {
    const scanOnce = (bytes: Uint8Array, maxHelloBytes = limit): AnyHelloScanner => {
      const scanner = new Scanner(maxHelloBytes);
      scanner.scan(bytes);
      return scanner;
    };
    const statusOf = (bytes: Uint8Array, maxHelloBytes?: number) =>
      scanOnce(bytes, maxHelloBytes).facts[helloFact.status];
    const reasonOf = (bytes: Uint8Array) => {
      const { facts } = scanOnce(bytes);
      return facts[helloFact.status] === helloStatus.malformed ? facts[helloFact.malformedReason] : undefined;
    };
    const read = (bytes: Uint8Array) => {
      const scanner = scanOnce(bytes);
      assert.equal(scanner.facts[helloFact.status], helloStatus.complete);
      return new ClientHello(scanner.message, scanner.facts);
    };

    for (const { name, bytes } of capturedHellos) {
      it(`reads the hello of ${name} as tshark does`, () => {
        const expected = expectedHellos[name];
        assert(expected, `expected.json says nothing of ${name}`);
        const scanner = scanOnce(bytes);
        const hello = new ClientHello(scanner.message, scanner.facts);
        assert.deepEqual(
          {
            wireBytes: hello.wireBytes,
            messageBytes: scanner.facts[helloFact.messageBytes],
            recordCount: scanner.facts[helloFact.recordCount],
            legacyVersion: hello.legacyVersion,
            tlsVersion: hello.tlsVersion,
            serverName: hello.serverName ?? null,
            alpn: hello.alpn,
            cipherSuites: hexList(hello.cipherSuites),
            extensionTypes: hexList(hello.extensionTypes),
            signatureAlgorithms: hexList(hello.signatureAlgorithms),
            supportedVersions: hexList(hello.supportedVersions),
            features: hello.features,
            ja4: hello.ja4,
          },
          expected,
        );
        assert.equal(scanner.facts[helloFact.status], helloStatus.complete);
        assert.deepEqual(
          scanner.message,
          handshakeBytes(bytes.subarray(0, hello.wireBytes)).subarray(0, scanner.message.length),
        );
      });
    }

    for (const { name, bytes } of malformedHellos) {
      it(`refuses ${name}: ${malformedSentences[malformedReason[name as keyof typeof malformedReason]]}`, () => {
        assert.equal(reasonOf(bytes), malformedReason[name as keyof typeof malformedReason]);
      });
    }

    it('tells after one byte that this is not TLS', () => {
      for (let first = 0; first < 256; first++) {
        const expected = first === 0x16 ? helloStatus.incomplete : helloStatus.notTls;
        assert.equal(statusOf(Uint8Array.of(first)), expected);
      }
    });

    it('refuses what is malformed at the first byte that shows it', () => {
      const { incomplete, malformed } = helloStatus;
      const bytes = (...values: number[]) => Uint8Array.from(values);
      assert.equal(statusOf(bytes(0x16, 2)), malformed);
      assert.equal(statusOf(bytes(0x16, 3, 1, 0, 0)), malformed);
      assert.equal(statusOf(bytes(0x16, 3, 1, 0x40, 0x00)), incomplete);
      assert.equal(statusOf(bytes(0x16, 3, 1, 0x40, 0x01)), malformed);
      assert.equal(statusOf(bytes(0x16, 3, 1, 0, 9, 1)), incomplete);
      assert.equal(statusOf(bytes(0x16, 3, 1, 0, 9, 2)), malformed);
      assert.equal(statusOf(bytes(0x16, 3, 1, 0, 1, 1, 0x17)), malformed);
      assert.equal(statusOf(bytes(0x16, 3, 1, 0, 1, 1, 0x16, 4)), malformed);
      assert.equal(statusOf(bytes(0x16, 3, 1, 0, 1, 1, 0x16, 3, 3, 0, 0)), malformed);
    });

    it('completes at the last byte of the hello, whatever follows', () => {
      const hello = buildHello({ serverName: 'shop.example.com' });
      assert.equal(statusOf(hello.subarray(0, -1)), helloStatus.incomplete);
      const more = concat([hello, Uint8Array.of(20, 3, 3, 0, 1, 1)]);
      assert.deepEqual(scanOnce(more).facts, scanOnce(hello).facts);
      assert.deepEqual(scanOnce(more).message, hello.subarray(5));
    });

    it('takes a hello of exactly maxHelloBytes and none that is longer', () => {
      for (const wireBytes of [300, 16_389, 16_395, 40_000]) {
        const hello = buildHello({ wireBytes });
        assert.equal(statusOf(hello, wireBytes), helloStatus.complete);
        assert.equal(statusOf(hello, wireBytes - 1), helloStatus.tooLarge);
      }
      const bytes = splitIntoBytes(buildHello());
      assert.equal(statusOf(bytes, bytes.length), helloStatus.complete);
      assert.equal(statusOf(bytes, bytes.length - 1), helloStatus.tooLarge);
    });

    it('tells as soon as the lengths do that a hello is too long', () => {
      const hello = buildHello({ wireBytes: 40_000 });
      assert.equal(statusOf(hello.subarray(0, 8), 39_999), helloStatus.incomplete);
      assert.equal(statusOf(hello.subarray(0, 9), 39_999), helloStatus.tooLarge);
      const split = splitIntoRecords(buildHello({ wireBytes: 300 }), [100, 100]);
      assert.equal(statusOf(split.subarray(0, 104), 305), helloStatus.incomplete);
      assert.equal(statusOf(split.subarray(0, 110), 309), helloStatus.tooLarge);
    });

    it('never waits for more than maxHelloBytes', () => {
      for (const { name, bytes } of allHellos) {
        for (const maxHelloBytes of [9, 10, 100, 300]) {
          if (bytes.length < maxHelloBytes) continue;
          const status = statusOf(bytes.subarray(0, maxHelloBytes), maxHelloBytes);
          assert.notEqual(status, helloStatus.incomplete, `${name} within ${maxHelloBytes}`);
        }
      }
    });

    it('says honestly how many bytes it needs', () => {
      for (const { name, bytes } of allHellos) {
        const scanner = new Scanner(limit);
        let neededBytes = 1;
        for (let length = 0; length <= bytes.length; length++) {
          const status = scanner.scan(bytes.subarray(0, length));
          if (status !== helloStatus.incomplete) {
            assert.equal(length, neededBytes, `${name}: settled at ${length}`);
            break;
          }
          const needs = scanner.facts[helloFact.neededBytes] ?? 0;
          assert(needs > length, `${name}: has ${length}, needs ${needs}`);
          if (length < neededBytes)
            assert.equal(needs, neededBytes, `${name}: changed its mind at ${length}`);
          neededBytes = needs;
        }
      }
    });

    it('repeats its verdict until it is reset', () => {
      const scanner = new Scanner(limit);
      const hello = buildHello({ serverName: 'one.example.com' });
      assert.equal(scanner.scan(Uint8Array.of(0x47)), helloStatus.notTls);
      assert.equal(scanner.scan(hello), helloStatus.notTls);
      scanner.reset();
      assert.equal(scanner.facts[helloFact.status], helloStatus.incomplete);
      assert.equal(scanner.scan(hello), helloStatus.complete);
      assert.equal(scanner.scan(new Uint8Array(0)), helloStatus.complete);
      assert.deepEqual(scanner.message, hello.subarray(5));
      scanner.reset();
      assert.equal(scanner.message.length, 0);
    });

    // What it passed is overwritten, and there again only for the scan that completes: whoever reads it before that, and
    // so does work that grows with the square of the input, sees garbage.
    it('reads 64 KiB of one-byte records in one-byte segments without looking back', () => {
      const wire = splitIntoBytes(buildHello({ serverName: 'slow.example.com', wireBytes: 10_922 }));
      assert(wire.length <= limit && wire.length > limit - 200);
      const scanner = new Scanner(limit);
      const passed = new Uint8Array(wire.length).fill(0xff);
      const recordBytes = 6;
      for (let length = 0; length < wire.length; length++) {
        if (length > recordBytes) passed[length - recordBytes - 1] = 0xff;
        passed.set(
          wire.subarray(Math.max(0, length - recordBytes), length),
          Math.max(0, length - recordBytes),
        );
        assert.equal(scanner.scan(passed.subarray(0, length)), helloStatus.incomplete);
      }
      assert.equal(scanner.scan(wire), helloStatus.complete);
      assert.equal(scanner.facts[helloFact.recordCount], wire.length / recordBytes);
      assert.equal(new ClientHello(scanner.message, scanner.facts).serverName, 'slow.example.com');
    });

    it('takes odd but legal hellos', () => {
      const legal: readonly (readonly [string, HelloOptions])[] = [
        ['without extensions', { withExtensions: false }],
        [
          'with an empty extensions block',
          { versions: [], groups: [], keyShares: [], signatureAlgorithms: [] },
        ],
        ['without a session id', { sessionIdBytes: 0 }],
        ['with no key share yet', { keyShares: [], extensions: [keyShareExtension([])] }],
        ['with an unknown extension twice', { extensions: [unknown(0xabcd), unknown(0xabcd)] }],
        [
          'with GREASE everywhere',
          { cipherSuites: [0x0a0a, 0x1301], groups: [0xfafa, 29], versions: [0x1a1a, 0x304] },
        ],
        ['with a NUL in its name', { serverName: 'a\0b' }],
        ['with a name of 65000 bytes', { serverName: 'n'.repeat(65_000) }],
      ];
      for (const [what, options] of legal)
        assert.equal(statusOf(buildHello(options)), helloStatus.complete, what);
    });

    it('passes over server names of other types', () => {
      const extension = serverNameExtension([7, 'other'], [0, 'shop.example.com'], [9, '']);
      assert.equal(read(buildHello({ extensions: [extension] })).serverName, 'shop.example.com');
      const none = read(buildHello({ extensions: [serverNameExtension([7, 'other'])] }));
      assert.equal(none.serverName, undefined);
      assert.equal(none.features.noSni, true);
    });

    it('refuses each extension it reads when it comes twice', () => {
      for (const type of [0, 10, 13, 16, 43, 51, 0xfe0d]) {
        const extension = { type, data: validData(type) };
        const once = {
          versions: [],
          groups: [],
          keyShares: [],
          signatureAlgorithms: [],
          extensions: [extension],
        };
        assert.equal(statusOf(buildHello(once)), helloStatus.complete, `${type} once`);
        const twice = buildHello({ ...once, extensions: [extension, unknown(99), extension] });
        assert.equal(reasonOf(twice), malformedReason.duplicateExtension, `${type} twice`);
      }
    });

    it('refuses a list length that is off by one, either way', () => {
      for (const type of [0, 10, 13, 16, 43, 51]) {
        const lengthAt = type === 43 ? 0 : 1;
        for (const delta of [-1, 1]) {
          const data = validData(type).slice();
          data[lengthAt] = (data[lengthAt] ?? 0) + delta;
          const options = { versions: [], groups: [], keyShares: [], signatureAlgorithms: [] };
          const hello = buildHello({ ...options, extensions: [{ type, data }] });
          assert.equal(statusOf(hello), helloStatus.malformed, `${type} ${delta}`);
        }
        const empty = { type, data: new Uint8Array(0) };
        const options = {
          versions: [],
          groups: [],
          keyShares: [],
          signatureAlgorithms: [],
          extensions: [empty],
        };
        assert.equal(statusOf(buildHello(options)), helloStatus.malformed, `${type} without data`);
      }
    });

    it('refuses a message that ends anywhere early, with its own length corrected', () => {
      const message = buildMessage({ serverName: 'shop.example.com', alpn: ['h2'] });
      const withoutExtensions = buildMessage({ withExtensions: false }).length;
      for (let length = 4; length < message.length; length++) {
        const cut = message.slice(0, length);
        cut[2] = (length - 4) >> 8;
        cut[3] = (length - 4) & 0xff;
        const expected = length === withoutExtensions ? helloStatus.complete : helloStatus.malformed;
        assert.equal(statusOf(record(cut)), expected, `cut to ${length}`);
      }
    });

    it('refuses extensions that end inside the header of one', () => {
      const last = { type: 99, data: new Uint8Array(3) };
      const hello = buildHello({ serverName: 'shop.example.com', extensions: [last] });
      const lastLengthAt = hello.length - last.data.length - 1;
      for (let left = 1; left <= last.data.length; left++) {
        hello[lastLengthAt] = last.data.length - left;
        assert.equal(reasonOf(hello), malformedReason.extensionLength, `${left} bytes left`);
      }
    });

    it('refuses lists that end inside the header of an entry', () => {
      const bare = { versions: [], groups: [], keyShares: [], signatureAlgorithms: [] };
      const lists = [
        { type: 0, headerBytes: 3, reason: malformedReason.serverNameLength },
        { type: 51, headerBytes: 4, reason: malformedReason.keyShareLength },
      ];
      for (const { type, headerBytes, reason } of lists) {
        for (let left = 1; left < headerBytes; left++) {
          const data = concat([validData(type), new Uint8Array(left)]);
          data[1] = data.length - 2;
          // Zeros follow, which would do as the rest of the header.
          const extensions = [
            { type, data },
            { type: 0x0015, data: new Uint8Array(8) },
          ];
          assert.equal(reasonOf(buildHello({ ...bare, extensions })), reason, `${type}, ${left} bytes left`);
        }
      }
    });

    it('takes nothing that follows a list for a part of it', () => {
      const groups = { type: 10, data: Uint8Array.of(0, 2, 0, 29) };
      const next = { type: 0x0200, data: new Uint8Array(0) };
      assert.equal(read(buildHello({ groups: [], extensions: [groups, next] })).features.postQuantum, false);
      // Ten compression methods after the cipher suites read like a GREASE one.
      const message = buildMessage({ withExtensions: false });
      const tenMethods = concat([message.subarray(0, -2), new Uint8Array(11).fill(0x0a)]);
      tenMethods[3] = tenMethods.length - 4;
      assert.equal(read(record(tenMethods)).features.grease, false);
    });

    it('blames the wrong length rather than the end that comes right after it', () => {
      const message = buildMessage({ sessionIdBytes: 0, cipherSuites: [0x1301] });
      const endingWith = (length: number, lastByte: number) => {
        const cut = message.slice(0, length);
        cut.set([(length - 4) >> 8, (length - 4) & 0xff], 2);
        cut[length - 1] = lastByte;
        return reasonOf(record(cut));
      };
      assert.equal(endingWith(39, 33), malformedReason.sessionIdLength);
      assert.equal(endingWith(39, 32), malformedReason.truncated);
      assert.equal(endingWith(41, 3), malformedReason.cipherSuitesLength);
      assert.equal(endingWith(41, 2), malformedReason.truncated);
      assert.equal(endingWith(44, 0), malformedReason.compressionMethodsLength);
      assert.equal(endingWith(44, 1), malformedReason.truncated);
    });

    it('sees post-quantum groups in supported_groups and in key_share', () => {
      for (const group of [0x11eb, 0x11ec, 0x11ed, 0x6399, 0x639a, 0x0200, 0x0201, 0x0202]) {
        assert.equal(read(buildHello({ groups: [29, group] })).features.postQuantum, true);
        assert.equal(
          read(
            buildHello({
              keyShares: [
                [29, 32],
                [group, 1184],
              ],
            }),
          ).features.postQuantum,
          true,
        );
      }
      for (const group of [0x11ea, 0x11ee, 0x6398, 0x639b, 0x01ff, 0x0203]) {
        assert.equal(read(buildHello({ groups: [29, group] })).features.postQuantum, false);
      }
    });

    it('sees GREASE in each list, and only there', () => {
      const greased: readonly HelloOptions[] = [
        { cipherSuites: [0x1301, 0x4a4a] },
        { groups: [0xfafa] },
        { keyShares: [[0x0a0a, 1]] },
        { versions: [0x0304, 0xaaaa] },
        { signatureAlgorithms: [0x0403, 0xdada] },
        { extensions: [unknown(0xbaba)] },
        { alpn: ['\x1a\x1a', 'h2'] },
      ];
      for (const options of greased) assert.equal(read(buildHello(options)).features.grease, true);
      for (const options of [
        {},
        { cipherSuites: [0x0a1a] },
        { alpn: ['\x1a\x1a\x1a'] },
        { serverName: '\x0a\x0a' },
      ]) {
        assert.equal(read(buildHello(options)).features.grease, false);
      }
    });

    it('takes the highest version from supported_versions, without GREASE', () => {
      assert.equal(read(buildHello({ versions: [0xfafa, 0x0303, 0x0304, 0x0302] })).highestVersion, 0x0304);
      assert.equal(read(buildHello({ versions: [0xfafa], legacyVersion: 0x0302 })).highestVersion, 0x0302);
      assert.equal(read(buildHello({ versions: [], legacyVersion: 0x0301 })).highestVersion, 0x0301);
    });
  });
}

function unknown(type: number) {
  return { type, data: Uint8Array.of(1, 2, 3) };
}

/** Data that the extension's reader takes. */
function validData(type: number): Uint8Array {
  if (type === 0) return serverNameExtension([0, 'shop.example.com']).data;
  if (type === 16) return Uint8Array.of(0, 3, 2, 0x68, 0x32);
  if (type === 43) return Uint8Array.of(2, 3, 4);
  if (type === 51) return keyShareExtension([[29, 32]]).data;
  return Uint8Array.of(0, 2, 0, 29);
}

function hexList(values: readonly number[]): string {
  return values.map((value) => value.toString(16).padStart(4, '0')).join(',');
}
