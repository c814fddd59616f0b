import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ClientHello } from '../../src/tls/client-hello.ts';
import { HelloScanner } from '../../src/tls/hello-scanner.ts';
import { ja4Fingerprint } from '../../src/tls/ja4.ts';
import { buildHello, type HelloOptions } from './hello-builder.ts';
import { expectedHellos } from './hello-corpus.ts';

function scanned(options: HelloOptions): ClientHello {
  const scanner = new HelloScanner(65_536);
  scanner.scan(buildHello(options));
  return new ClientHello(scanner.message, scanner.facts);
}

function ja4(options: HelloOptions): string {
  return scanned(options).ja4;
}

/** An extension the scan does not read, with data that nobody looks at. */
function opaque(type: number) {
  return { type, data: Uint8Array.of(0, 1, 0) };
}

/** The hello that FoxIO's description of JA4 takes apart; the builder adds 0000, 000a, 000d, 0010, 002b and 0033. */
const published: HelloOptions = {
  serverName: 'example.com',
  alpn: ['h2', 'http/1.1'],
  versions: [0x0304, 0x0303],
  cipherSuites: [
    0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d,
    0x002f, 0x0035,
  ],
  signatureAlgorithms: [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601],
  extensions: [0x001b, 0x4469, 0x0017, 0x002d, 0x0005, 0x0023, 0x0012, 0xff01, 0x000b, 0x0015].map(opaque),
};

describe('the JA4 fingerprint', () => {
  it('is the published one for the published example', () => {
    assert.equal(ja4(published), 't13d1516h2_8daaf6152771_e5627efa2ab1');
  });

  it('hashes the extensions alone where there are no signature algorithms, as published', () => {
    const hello = scanned(published);
    const { highestVersion, cipherSuites, extensionTypes, alpn } = hello;
    const without = { highestVersion, cipherSuites, extensionTypes, alpn, signatureAlgorithms: [] };
    assert.equal(ja4Fingerprint(without), 't13d1516h2_8daaf6152771_6d807ffa2a79');
  });

  it('ignores GREASE in every list', () => {
    const greased = {
      ...published,
      versions: [0xfafa, 0x0304, 0x0303],
      cipherSuites: [0x0a0a, ...(published.cipherSuites ?? [])],
      signatureAlgorithms: [0x8a8a, ...(published.signatureAlgorithms ?? [])],
      extensions: [opaque(0x1a1a), ...(published.extensions ?? []), opaque(0xeaea)],
    };
    assert.equal(ja4(greased), ja4(published));
  });

  it('does not depend on the order of ciphers and extensions, and does on that of signature algorithms', () => {
    const reversed = {
      ...published,
      cipherSuites: [...(published.cipherSuites ?? [])].reverse(),
      extensions: [...(published.extensions ?? [])].reverse(),
    };
    assert.equal(ja4(reversed), ja4(published));
    const signatureAlgorithms = [...(published.signatureAlgorithms ?? [])].reverse();
    assert.notEqual(ja4({ ...published, signatureAlgorithms }), ja4(published));
  });

  it('shows the ends of the first protocol, in hex where one of them is no letter or digit', () => {
    const shown = (protocol: string) => ja4({ ...published, alpn: [protocol, 'h2'] }).slice(8, 10);
    assert.equal(shown('http/1.1'), 'h1');
    assert.equal(shown('x'), 'xx');
    // FoxIO's own examples.
    assert.equal(shown('\xab'), 'ab');
    assert.equal(shown('\xab\xcd'), 'ad');
    assert.equal(shown('0\xab'), '3b');
    assert.equal(shown('01\xab\xcd'), '3d');
    assert.equal(shown('0\xab\xcd1'), '01');
    assert.equal(shown(' '), '20');
    assert.equal(shown('a\n'), '6a');
    assert.equal(ja4({ ...published, alpn: [] }).slice(8, 10), '00');
  });

  it('knows the versions', () => {
    const version = (legacyVersion: number) => ja4({ ...published, versions: [], legacyVersion }).slice(1, 3);
    const numbers = [0x0304, 0x0303, 0x0302, 0x0301, 0x0300, 0x0002, 0xfeff, 0xfefd, 0xfefc, 0x0305];
    assert.deepEqual(numbers.map(version), ['13', '12', '11', '10', 's3', 's2', 'd1', 'd2', 'd3', '00']);
  });

  it('counts no further than 99', () => {
    const cipherSuites = Array.from({ length: 130 }, (_, index) => index + 1);
    const extensions = Array.from({ length: 130 }, (_, index) => opaque(1000 + index));
    assert.equal(ja4({ cipherSuites, extensions }).slice(3, 8), 'i9999');
  });

  it('writes zeros for a list with nothing in it', () => {
    const bare = { versions: [], groups: [], keyShares: [], signatureAlgorithms: [] };
    assert.equal(ja4({ ...bare, cipherSuites: [0x0a0a] }), 't12i000000_000000000000_000000000000');
    assert.match(ja4({ ...bare, serverName: 'a', alpn: ['h2'] }), /^t12d0502h2_[0-9a-f]{12}_000000000000$/);
  });

  it('is the one FoxIO has on record for Chromium', () => {
    // The same as in FoxIO's sigalg-grease.pcapng, of another machine and another year.
    const { chromium } = expectedHellos;
    assert.equal(chromium?.ja4, 't13d1517h2_8daaf6152771_cb7bf5808d99');
  });
});
