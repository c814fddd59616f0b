import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeProxyHeader } from '../../src/proxy-protocol/decode.ts';
import type { DecodedProxyHeader } from '../../src/proxy-protocol/proxy-header.ts';
import { type Example, examples } from './headers.ts';

/** What the client sends after the header: more than a header's worth, and no part of one. */
const hello = Buffer.alloc(200, 0x16);

function expected({ bytes, becomes }: Example): DecodedProxyHeader {
  if (typeof becomes === 'string' && becomes !== 'keep') return { kind: 'malformed', reason: becomes };
  const addresses = becomes === 'keep' ? { source: undefined, destination: undefined } : becomes;
  return { kind: 'header', bytes: bytes.length, version: bytes[0] === 0x50 ? 1 : 2, ...addresses, tlvs: [] };
}

function withoutTlvs(decoded: DecodedProxyHeader): DecodedProxyHeader {
  return decoded.kind === 'header' ? { ...decoded, tlvs: [] } : decoded;
}

for (const example of examples) {
  test(example.name, () => {
    assert.deepEqual(withoutTlvs(decodeProxyHeader(example.bytes)), expected(example));
    const followed = Buffer.concat([example.bytes, hello]);
    assert.deepEqual(withoutTlvs(decodeProxyHeader(followed)), expected(example));
  });
}

test('every prefix of a header is incomplete, and more bytes than needed so far can tell more', () => {
  for (const { bytes, becomes } of examples) {
    if (becomes !== 'keep' && typeof becomes === 'string') continue;
    let tellsMoreFrom = 0;
    for (let length = 0; length < bytes.length; length++) {
      const decoded = decodeProxyHeader(bytes.subarray(0, length));
      assert.equal(decoded.kind, 'incomplete');
      if (decoded.kind !== 'incomplete') return;
      assert.ok(decoded.neededBytes > length && decoded.neededBytes <= bytes.length);
      assert.ok(decoded.neededBytes >= tellsMoreFrom);
      tellsMoreFrom = decoded.neededBytes;
    }
  }
});

test('what follows a malformed beginning never makes a header of it', () => {
  for (const { bytes, becomes } of examples) {
    if (becomes === 'keep' || typeof becomes !== 'string') continue;
    let isDecided = false;
    for (let length = 0; length <= bytes.length; length++) {
      const { kind } = decodeProxyHeader(bytes.subarray(0, length));
      assert.equal(kind === 'malformed' || (!isDecided && kind === 'incomplete'), true);
      isDecided = kind === 'malformed';
    }
    assert.equal(isDecided, true);
  }
});

test('the first byte that no header has there is malformed at once', () => {
  for (const signature of ['PROXY ', '\r\n\r\n\0\r\nQUIT\n']) {
    for (let at = 0; at < signature.length; at++) {
      const bytes = Buffer.from(signature.slice(0, at + 1), 'latin1');
      bytes[at] = (bytes[at] ?? 0) ^ 0x80;
      assert.deepEqual(decodeProxyHeader(bytes), { kind: 'malformed', reason: 'not_a_header' });
    }
  }
});

test('the TLVs come in the order sent, as views of the input', () => {
  const example = examples.find(({ name }) => name === 'version 2: a TLV');
  assert.ok(example);
  const decoded = decodeProxyHeader(example.bytes);
  assert.equal(decoded.kind, 'header');
  if (decoded.kind !== 'header') return;
  assert.deepEqual(
    decoded.tlvs.map(({ type, value }) => [type, Buffer.from(value).toString('latin1')]),
    [[1, 'h2']],
  );
  assert.equal(decoded.tlvs[0]?.value.buffer, example.bytes.buffer);
});
