import assert from 'node:assert/strict';
import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatIpv4, formatIpv6, isIpv4Mapped, readIpv4, readIpv6 } from '../../src/ip/ip-address.ts';

const runs = { numRuns: 20_000 };

/** Addresses with runs of zeros, which is where the text forms differ. */
const ipv6Bytes = fc
  .tuple(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.array(fc.nat(7), { maxLength: 8 }))
  .map(([bytes, zeroGroups]) => {
    for (const group of zeroGroups) bytes.fill(0, group * 2, group * 2 + 2);
    return bytes;
  });

/** Texts that are an address or nearly one. */
const nearlyAddress = fc.oneof(
  fc.ipV6(),
  fc.ipV4(),
  fc.stringMatching(/^[0-9a-fA-F:.]{0,45}$/),
  fc
    .array(fc.constantFrom(':', '::', '.', '0', '00', '1', 'f', 'FFFF', '12345', '255', '256', '1.2.3.4'), {
      maxLength: 17,
    })
    .map((parts) => parts.join('')),
);

test('reads as IPv4 exactly what Node.js takes for an IPv4 address', () => {
  fc.assert(
    fc.property(nearlyAddress, (text) => {
      assert.equal(readIpv4(text, new Uint8Array(4), 0), isIPv4(text));
    }),
    runs,
  );
});

test('reads as IPv6 exactly what Node.js takes for an IPv6 address', () => {
  fc.assert(
    fc.property(nearlyAddress, (text) => {
      assert.equal(readIpv6(text, new Uint8Array(16), 0), isIPv6(text));
    }),
    runs,
  );
});

test('writes an IPv6 address as Node.js writes that of a socket, and reads it back', () => {
  fc.assert(
    fc.property(ipv6Bytes, (bytes) => {
      const text = formatIpv6(bytes, 0);
      if (!isIpv4Mapped(bytes, 0))
        assert.equal(text, new SocketAddress({ address: text, family: 'ipv6' }).address);
      const back = new Uint8Array(18).fill(0xaa);
      assert.equal(readIpv6(text, back, 1), true);
      assert.deepEqual(back.subarray(1, 17), bytes);
      assert.deepEqual([back[0], back[17]], [0xaa, 0xaa]);
    }),
    runs,
  );
});

const written: ReadonlyArray<readonly [groups: string, text: string]> = [
  ['0000 0000 0000 0000 0000 0000 0000 0000', '::'],
  ['0000 0000 0000 0000 0000 0000 0000 0001', '::1'],
  ['2001 0db8 0000 0000 0000 0000 0002 0001', '2001:db8::2:1'],
  ['2001 0db8 0000 0001 0001 0001 0001 0001', '2001:db8:0:1:1:1:1:1'],
  ['2001 0db8 0000 0000 0001 0000 0000 0001', '2001:db8::1:0:0:1'],
  ['fe80 0000 0000 0000 0000 0000 0000 0000', 'fe80::'],
  ['0000 0000 0000 0000 0000 0000 c000 0201', '::192.0.2.1'],
];

for (const [groups, text] of written) {
  test(`writes ${text} as RFC 5952 says`, () => {
    assert.equal(formatIpv6(Buffer.from(groups.replaceAll(' ', ''), 'hex'), 0), text);
  });
}

test('tells an IPv4-mapped IPv6 address from others', () => {
  const bytes = new Uint8Array(16);
  readIpv6('::ffff:192.0.2.1', bytes, 0);
  assert.equal(isIpv4Mapped(bytes, 0), true);
  assert.equal(formatIpv4(bytes, 12), '192.0.2.1');
  for (const other of ['::192.0.2.1', '::fffe:192.0.2.1', '1::ffff:192.0.2.1', '64:ff9b::192.0.2.1']) {
    readIpv6(other, bytes, 0);
    assert.equal(isIpv4Mapped(bytes, 0), false);
  }
});
