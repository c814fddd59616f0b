import { strict as assert } from 'node:assert';
import { describe, it } from 'node:test';
import { PrefixReader } from '../../src/data-plane/portable-prefix.ts';
import { encodeProxyV1 } from '../../src/proxy-protocol/encode.ts';
import { buildHello, concat, record } from '../tls/hello-builder.ts';

const header = encodeProxyV1(
  { address: '192.0.2.1', port: 1234, family: 4 },
  { address: '192.0.2.2', port: 443, family: 4 },
);
const hello = buildHello({ serverName: 'shop.example.com' });
const more = Buffer.from('and more');

describe('the prefix reader', () => {
  it('takes a hello that comes in one chunk without copying it', () => {
    const reader = new PrefixReader(65_536, false);
    const chunk = Buffer.from(concat([hello, more]));
    assert.equal(reader.push(chunk)?.kind, 'complete');
    assert.equal(reader.bytes.buffer, chunk.buffer);
    assert.deepEqual(reader.bytes, chunk);
  });

  it('gives the same bytes and server name for any two pieces of header, hello and what follows', () => {
    const all = Buffer.from(concat([header, hello, more]));
    const whole = header.length + hello.length;
    for (let at = 1; at < all.length; at++) {
      const reader = new PrefixReader(65_536, true);
      const first = reader.push(all.subarray(0, at));
      assert.equal(first !== undefined, at >= whole, `cut at ${at}`);
      const prefix = first ?? reader.push(all.subarray(at));
      assert.ok(prefix?.kind === 'complete');
      assert.equal(prefix.hello?.serverName, 'shop.example.com');
      assert.deepEqual(reader.bytes, all.subarray(header.length, first === undefined ? all.length : at));
      assert.equal(reader.receivedBytes, reader.bytes.length);
      assert.equal(reader.proxyHeader?.source?.address, '192.0.2.1');
    }
  });

  it('counts nothing while the header is incomplete', () => {
    const reader = new PrefixReader(65_536, true);
    assert.equal(reader.push(Buffer.from(header.subarray(0, 20))), undefined);
    assert.equal(reader.receivedBytes, 0);
  });

  it('takes a byte at a time without quadratic work', () => {
    const firstRecord = concat([Uint8Array.of(1, 0x40, 0, 0), new Uint8Array(16_380)]);
    const records = new Array<Uint8Array>(64).fill(record(new Uint8Array(16_384)));
    const endless = Buffer.from(concat([record(firstRecord), ...records]));
    const reader = new PrefixReader(8 * 1024 * 1024, false);
    const startedAt = performance.now();
    for (let at = 0; at < endless.length; at++) {
      assert.equal(reader.push(endless.subarray(at, at + 1)), undefined);
    }
    assert.deepEqual(reader.bytes, endless);
    assert.ok(performance.now() - startedAt < 5000);
  });
});
