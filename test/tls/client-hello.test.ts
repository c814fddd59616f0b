import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ClientHello } from '../../src/tls/client-hello.ts';
import { HelloScanner } from '../../src/tls/hello-scanner.ts';
import { buildHello, type HelloOptions, splitIntoRecords } from './hello-builder.ts';

function read(options: HelloOptions): ClientHello {
  const scanner = new HelloScanner(65_536);
  scanner.scan(buildHello(options));
  return new ClientHello(scanner.message, scanner.facts);
}

describe('a ClientHello', () => {
  it('gives the server name as sent, case, dots and odd bytes included', () => {
    for (const serverName of ['Shop.Example.COM.', 'a\0b', 'm\xfcller.example', '*', 'x'.repeat(5000)]) {
      assert.equal(read({ serverName }).serverName, serverName);
    }
    assert.equal(read({}).serverName, undefined);
  });

  it('gives the ALPN protocols in the client’s order', () => {
    assert.deepEqual(read({ alpn: ['h2', 'http/1.1', '\xff\0'] }).alpn, ['h2', 'http/1.1', '\xff\0']);
    assert.deepEqual(read({}).alpn, []);
  });

  it('names the highest version offered', () => {
    const named = (version: number) => read({ versions: [], legacyVersion: version }).tlsVersion;
    assert.deepEqual([0x0300, 0x0301, 0x0302, 0x0303, 0x0304].map(named), [
      'ssl3',
      '1.0',
      '1.1',
      '1.2',
      '1.3',
    ]);
    assert.equal(read({ versions: [0x0a0a, 0x0303, 0x0304] }).tlsVersion, '1.3');
    assert.equal(named(0x0002), '0x0002');
    assert.equal(read({ versions: [0x7f1c] }).tlsVersion, '0x7f1c');
  });

  it('gives the lists of a hello without extensions as empty', () => {
    const hello = read({ withExtensions: false, cipherSuites: [0x002f] });
    assert.deepEqual(hello.cipherSuites, [0x002f]);
    assert.deepEqual(hello.extensionTypes, []);
    assert.deepEqual(hello.signatureAlgorithms, []);
    assert.deepEqual(hello.supportedVersions, []);
    assert.equal(hello.ja4, 't12i010000_ba72b8082249_000000000000');
  });

  it('says how long it was on the wire', () => {
    const hello = buildHello({ wireBytes: 517 });
    const scanner = new HelloScanner(65_536);
    scanner.scan(splitIntoRecords(hello, [100, 100]));
    assert.equal(new ClientHello(scanner.message, scanner.facts).wireBytes, 527);
  });

  it('reads from a message that other bytes follow', () => {
    const scanner = new HelloScanner(65_536);
    scanner.scan(buildHello({ serverName: 'shop.example.com', alpn: ['h2'] }));
    const longer = new Uint8Array(scanner.message.length + 100).fill(0xff);
    longer.set(scanner.message);
    const hello = new ClientHello(longer, scanner.facts);
    assert.equal(hello.serverName, 'shop.example.com');
    assert.deepEqual(hello.alpn, ['h2']);
  });
});
