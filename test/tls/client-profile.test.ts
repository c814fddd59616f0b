import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ClientHello } from '../../src/tls/client-hello.ts';
import { ClientProfiles } from '../../src/tls/client-profile.ts';
import { HelloScanner } from '../../src/tls/hello-scanner.ts';
import { buildHello, type HelloOptions } from './hello-builder.ts';
import { capturedHellos } from './hello-corpus.ts';

function scanned(bytes: Uint8Array): ClientHello {
  const scanner = new HelloScanner(65_536);
  scanner.scan(bytes);
  return new ClientHello(scanner.message, scanner.facts);
}

const built = (options: HelloOptions) => scanned(buildHello(options));
const opaque = (type: number) => ({ type, data: Uint8Array.of(0, 1, 0) });

/** What the profile has to be, read afresh. */
function expected({ alpn, tlsVersion, ja4, features }: ClientHello) {
  return { alpn, tlsVersion, ja4, ech: features.ech };
}

/** Small choices, so that hellos differ in one thing only, and often in none. */
const options = fc.record(
  {
    alpn: fc.constantFrom([], ['h2'], ['h2', 'http/1.1'], ['h2h', 'ttp/1.1'], ['\xab']),
    versions: fc.constantFrom([0x0304, 0x0303], [0x0303], [0x2a2a, 0x0304]),
    cipherSuites: fc.constantFrom([0x1301, 0x1302], [0x1302, 0x1301], [0x1301], [0x3a3a, 0x1301, 0x1302]),
    signatureAlgorithms: fc.constantFrom([], [0x0403], [0x0403, 0x0804], [0x0804, 0x0403], [0x1302]),
    serverName: fc.constantFrom(undefined, 'a.example.com', 'b.example.com'),
    extensions: fc.subarray([0x0005, 0x0017, 0x4a4a, 0xfe0d, 0xff01]).map((types) => types.map(opaque)),
  },
  { requiredKeys: [] },
);

describe('the profile of a client', () => {
  const profiles = new ClientProfiles();

  test('is what its hello says, for every captured one and whoever came before', () => {
    for (const { bytes } of [...capturedHellos, ...capturedHellos]) {
      const hello = scanned(bytes);
      assert.deepEqual(profiles.of(hello), expected(hello));
    }
  });

  test('is never taken for that of a client that differs in one thing', () => {
    fc.assert(
      fc.property(fc.array(options.map(built), { minLength: 2, maxLength: 10 }), (hellos) => {
        for (const hello of hellos) assert.deepEqual(profiles.of(hello), expected(hello));
      }),
      { numRuns: 500 },
    );
  });

  test('is not taken for that of a client whose lists have the same hash', () => {
    const [one, other] = [
      [1000, 1000, 1000],
      [1305, 2975, 1978],
    ].map((cipherSuites) => built({ cipherSuites }));
    assert.ok(one && other);
    for (const hello of [one, other, one]) assert.deepEqual(profiles.of(hello), expected(hello));
  });

  const splitElsewhere: readonly (readonly [HelloOptions, HelloOptions])[] = [
    [
      { alpn: ['h2'], cipherSuites: [0x0001, 0x0061, 0x1301] },
      { alpn: ['h2', 'a'], cipherSuites: [0x1301] },
    ],
    [
      { cipherSuites: [0x1301, 0x1302], signatureAlgorithms: [0x0403] },
      { cipherSuites: [0x1301], signatureAlgorithms: [0x1302, 0x0403] },
    ],
    [
      { signatureAlgorithms: [0x0403], serverName: 'a.example.com' },
      { signatureAlgorithms: [0x0403, 0x0000] },
    ],
  ];

  test('is not taken for that of a client whose lists are as many numbers, split elsewhere', () => {
    for (const pair of splitElsewhere) {
      for (const hello of pair.map(built)) assert.deepEqual(profiles.of(hello), expected(hello));
    }
  });

  test('is made once for one that shuffles its extensions, draws its GREASE and asks for another name', () => {
    const first = built({
      serverName: 'a.example.com',
      cipherSuites: [0x0a0a, 0x1301, 0x1302],
      extensions: [0x1a1a, 0x0005, 0x0017, 0xff01].map(opaque),
    });
    const second = built({
      serverName: 'b.example.com',
      cipherSuites: [0xfafa, 0x1301, 0x1302],
      extensions: [0xff01, 0x0017, 0x2a2a, 0x0005].map(opaque),
    });
    assert.equal(profiles.of(first), profiles.of(second));
  });

  test('is read each time where lists are longer than any program has them', () => {
    const many = (length: number) => Array.from({ length }, (_, index) => 1000 + index);
    const long = [
      built({ cipherSuites: many(600) }),
      built({ signatureAlgorithms: many(600) }),
      built({ extensions: many(65).map(opaque) }),
      built({ alpn: Array.from({ length: 60 }, () => 'a-protocol') }),
    ];
    for (const hello of long) {
      assert.deepEqual(profiles.of(hello), expected(hello));
      assert.notEqual(profiles.of(hello), profiles.of(hello));
    }
  });

  test('of ever new programs does not pile up', () => {
    const few = new ClientProfiles();
    const known = built({ cipherSuites: [0x1301] });
    const kept = few.of(known);
    assert.equal(few.of(known), kept);
    for (let suite = 1; suite <= 1024; suite++) few.of(built({ cipherSuites: [0x8000 | suite] }));
    assert.deepEqual(few.of(known), kept);
    assert.notEqual(few.of(known), kept);
  });
});
