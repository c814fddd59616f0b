import assert from 'node:assert/strict';
import { SocketAddress } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeProxyHeader } from '../../src/proxy-protocol/decode.ts';
import { encodeProxyV1, encodeProxyV2, type ProxyTlvs } from '../../src/proxy-protocol/encode.ts';
import type { ProxyAddress, ProxyHeader } from '../../src/proxy-protocol/proxy-header.ts';

const client: ProxyAddress = { address: '203.0.113.7', port: 51234, family: 4 };
const listener: ProxyAddress = { address: '2001:db8::1', port: 443, family: 6 };

/** Plain objects: deepEqual compares prototypes too. */
const plain = { noNullPrototype: true };
const port = fc.nat(0xffff);
const address = fc
  .oneof(
    fc.record({ address: fc.ipV4(), port, family: fc.constant(4 as const) }, plain),
    fc.record({ address: fc.ipV6().map(canonicalText), port, family: fc.constant(6 as const) }, plain),
  )
  .filter(({ address, family }) => family === 4 || !address.startsWith('::ffff:'));

function canonicalText(address: string): string {
  return new SocketAddress({ address, family: 'ipv6' }).address;
}

const bytesText = (maxLength: number) =>
  fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes).toString('latin1'));
const tlvs = fc.record(
  {
    authority: bytesText(255),
    alpn: bytesText(255),
    uniqueId: bytesText(128),
    ja4: bytesText(36),
    crc32c: fc.boolean(),
  },
  { requiredKeys: [], noNullPrototype: true },
);

function decodeWhole(bytes: Uint8Array): ProxyHeader {
  const decoded = decodeProxyHeader(bytes);
  assert.equal(decoded.kind, 'header');
  if (decoded.kind !== 'header') throw new Error('not a header');
  assert.equal(decoded.bytes, bytes.length);
  return decoded;
}

/** What a header carries, by type, without the checksum. */
function texts(header: ProxyHeader): Record<number, string> {
  const entries = header.tlvs.filter(({ type }) => type !== 3);
  return Object.fromEntries(entries.map(({ type, value }) => [type, Buffer.from(value).toString('latin1')]));
}

function expectedTexts({ alpn, authority, uniqueId, ja4 }: ProxyTlvs): Record<number, string> {
  const entries = [
    [0x01, alpn],
    [0x02, authority],
    [0x05, uniqueId],
    [0xe0, ja4],
  ];
  return Object.fromEntries(entries.filter(([, text]) => text !== undefined));
}

test('version 1 says TCP4 between IPv4 addresses', () => {
  const header = encodeProxyV1(client, { ...client, port: 443 });
  assert.equal(Buffer.from(header).toString(), 'PROXY TCP4 203.0.113.7 203.0.113.7 51234 443\r\n');
});

test('version 1 says TCP6 between addresses of both families, the IPv4 one mapped', () => {
  assert.equal(
    Buffer.from(encodeProxyV1(client, listener)).toString(),
    'PROXY TCP6 ::ffff:203.0.113.7 2001:db8::1 51234 443\r\n',
  );
  assert.equal(
    Buffer.from(encodeProxyV1(listener, client)).toString(),
    'PROXY TCP6 2001:db8::1 ::ffff:203.0.113.7 443 51234\r\n',
  );
});

test('version 2 is these bytes', () => {
  const header = encodeProxyV2({
    source: client,
    destination: { ...client, port: 443 },
    tlvs: { authority: 'a.example', alpn: 'h2', uniqueId: 'id', ja4: 't13', crc32c: true },
  });
  const expected = [
    '0d0a0d0a000d0a515549540a 21 11 002f',
    'cb007107 cb007107 c822 01bb',
    '010002 6832',
    '020009 612e6578616d706c65',
    '050002 6964',
    'e00003 743133',
    '030004',
  ]
    .join('')
    .replaceAll(' ', '');
  assert.equal(Buffer.from(header).subarray(0, -4).toString('hex'), expected);
});

test('version 2 goes through the decoder unchanged', () => {
  fc.assert(
    fc.property(address, address, tlvs, (source, destination, tlvs) => {
      const header = decodeWhole(encodeProxyV2({ source, destination, tlvs }));
      assert.deepEqual([header.version, header.source, header.destination], [2, source, destination]);
      assert.deepEqual(texts(header), expectedTexts(tlvs));
      assert.equal(
        header.tlvs.some(({ type }) => type === 3),
        tlvs.crc32c === true,
      );
    }),
    { numRuns: 5_000 },
  );
});

test('version 1 goes through the decoder unchanged', () => {
  fc.assert(
    fc.property(address, address, (source, destination) => {
      const header = decodeWhole(encodeProxyV1(source, destination));
      assert.deepEqual([header.version, header.source, header.destination], [1, source, destination]);
    }),
    { numRuns: 5_000 },
  );
});

test('any bit that changes under a checksum is noticed', () => {
  const header = encodeProxyV2({
    source: client,
    destination: listener,
    tlvs: { authority: 'a.example', crc32c: true },
  });
  for (let bit = 0; bit < header.length * 8; bit++) {
    const changed = Uint8Array.from(header);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const decoded = decodeProxyHeader(changed);
    // Nothing is left to notice it where the checksum's own type changed, and nothing is used of a header that became
    // LOCAL or of an unspecified family.
    const isUnchecked = bit >> 3 === header.length - 7;
    assert.equal(decoded.kind === 'header' && decoded.source !== undefined, isUnchecked, `bit ${bit}`);
  }
});

test('the interface of a link-local client is not sent', () => {
  const source: ProxyAddress = { address: 'fe80::1%eth0', port: 1, family: 6 };
  const sent: ProxyAddress = { address: 'fe80::1', port: 1, family: 6 };
  assert.deepEqual(decodeWhole(encodeProxyV1(source, listener)).source, sent);
  assert.deepEqual(decodeWhole(encodeProxyV2({ source, destination: listener })).source, sent);
});

test('a server name longer than any host name is left out', () => {
  const carried = texts(
    decodeWhole(encodeProxyV2({ source: client, destination: client, tlvs: { authority: 'a'.repeat(255) } })),
  );
  assert.deepEqual(carried, { 2: 'a'.repeat(255) });
  const tooLong = { authority: 'a'.repeat(256), alpn: 'h2' };
  assert.deepEqual(
    texts(decodeWhole(encodeProxyV2({ source: client, destination: client, tlvs: tooLong }))),
    { 1: 'h2' },
  );
});

test('what no header can carry is refused as the caller’s mistake', () => {
  const wrongFamily = { ...listener, family: 4 as const };
  assert.throws(() => encodeProxyV2({ source: wrongFamily, destination: client }), TypeError);
  assert.throws(() => encodeProxyV2({ source: { ...client, port: 65536 }, destination: client }), RangeError);
  const tlvs = { uniqueId: 'x'.repeat(129) };
  assert.throws(() => encodeProxyV2({ source: client, destination: client, tlvs }), RangeError);
});
