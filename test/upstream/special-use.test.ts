import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { refuseReason } from '../../src/upstream/special-use.ts';

/** The last address before a range, its first and last, and the first one after it; undefined: none, or special too. */
type Bounds = readonly [string | undefined, string, string, string | undefined];

const ipv4: Readonly<Record<string, Bounds>> = {
  'this network': [undefined, '0.0.0.0', '0.255.255.255', '1.0.0.0'],
  'private 10/8': ['9.255.255.255', '10.0.0.0', '10.255.255.255', '11.0.0.0'],
  'carrier-grade NAT': ['100.63.255.255', '100.64.0.0', '100.127.255.255', '100.128.0.0'],
  loopback: ['126.255.255.255', '127.0.0.0', '127.255.255.255', '128.0.0.0'],
  'link-local': ['169.253.255.255', '169.254.0.0', '169.254.255.255', '169.255.0.0'],
  'private 172.16/12': ['172.15.255.255', '172.16.0.0', '172.31.255.255', '172.32.0.0'],
  'protocol assignments': ['191.255.255.255', '192.0.0.0', '192.0.0.255', '192.0.1.0'],
  'documentation 1': ['192.0.1.255', '192.0.2.0', '192.0.2.255', '192.0.3.0'],
  'AS112 192.31.196': ['192.31.195.255', '192.31.196.0', '192.31.196.255', '192.31.197.0'],
  AMT: ['192.52.192.255', '192.52.193.0', '192.52.193.255', '192.52.194.0'],
  '6to4 relay': ['192.88.98.255', '192.88.99.0', '192.88.99.255', '192.88.100.0'],
  'private 192.168/16': ['192.167.255.255', '192.168.0.0', '192.168.255.255', '192.169.0.0'],
  'AS112 192.175.48': ['192.175.47.255', '192.175.48.0', '192.175.48.255', '192.175.49.0'],
  benchmarking: ['198.17.255.255', '198.18.0.0', '198.19.255.255', '198.20.0.0'],
  'documentation 2': ['198.51.99.255', '198.51.100.0', '198.51.100.255', '198.51.101.0'],
  'documentation 3': ['203.0.112.255', '203.0.113.0', '203.0.113.255', '203.0.114.0'],
  multicast: ['223.255.255.255', '224.0.0.0', '239.255.255.255', undefined],
  reserved: [undefined, '240.0.0.0', '255.255.255.254', undefined],
  broadcast: [undefined, '255.255.255.255', '255.255.255.255', undefined],
};

const ffff = 'ffff:ffff:ffff:ffff';

const ipv6: Readonly<Record<string, Bounds>> = {
  unspecified: [undefined, '::', '::', undefined],
  loopback: [undefined, '::1', '::1', undefined],
  'IPv4-compatible': [undefined, '::2', '::255.255.255.255', undefined],
  'IPv4-mapped': [undefined, '::ffff:0.0.0.0', '::ffff:255.255.255.255', undefined],
  'IPv4-translated': [undefined, '::ffff:0:0:0', '::ffff:0:ffff:ffff', undefined],
  'local NAT64': [undefined, '64:ff9b:1::', `64:ff9b:1:ffff:${ffff}`, undefined],
  'discard-only': [undefined, '100::', `100:0:0:0:${ffff}`, undefined],
  'dummy prefix': [undefined, '100:0:0:1::', `100:0:0:1:${ffff}`, undefined],
  'below global unicast': [undefined, '65::', `1fff:ffff:ffff:ffff:${ffff}`, '2000::'],
  'protocol assignments': [
    `2000:ffff:ffff:ffff:${ffff}`,
    '2001::',
    `2001:1ff:ffff:ffff:${ffff}`,
    '2001:200::',
  ],
  Teredo: [undefined, '2001::', `2001:0:ffff:ffff:${ffff}`, undefined],
  'PCP anycast': [undefined, '2001:1::1', '2001:1::3', undefined],
  benchmarking: [undefined, '2001:2::', `2001:2:0:ffff:${ffff}`, undefined],
  AMT: [undefined, '2001:3::', `2001:3:ffff:ffff:${ffff}`, undefined],
  'AS112 2001:4:112': [undefined, '2001:4:112::', `2001:4:112:ffff:${ffff}`, undefined],
  ORCHID: [undefined, '2001:10::', `2001:1f:ffff:ffff:${ffff}`, undefined],
  ORCHIDv2: [undefined, '2001:20::', `2001:2f:ffff:ffff:${ffff}`, undefined],
  drones: [undefined, '2001:30::', `2001:3f:ffff:ffff:${ffff}`, undefined],
  documentation: [`2001:db7:ffff:ffff:${ffff}`, '2001:db8::', `2001:db8:ffff:ffff:${ffff}`, '2001:db9::'],
  'AS112 2620:4f:8000': [
    `2620:4f:7fff:ffff:${ffff}`,
    '2620:4f:8000::',
    `2620:4f:8000:ffff:${ffff}`,
    '2620:4f:8001::',
  ],
  'documentation 2': [`3ffe:ffff:ffff:ffff:${ffff}`, '3fff::', `3fff:fff:ffff:ffff:${ffff}`, '3fff:1000::'],
  'above global unicast': [`3fff:ffff:ffff:ffff:${ffff}`, '4000::', `5eff:ffff:ffff:ffff:${ffff}`, undefined],
  'segment routing': [undefined, '5f00::', `5f00:ffff:ffff:ffff:${ffff}`, undefined],
  'unallocated below fc00': [undefined, '5f01::', `fbff:ffff:ffff:ffff:${ffff}`, undefined],
  'unique local': [undefined, 'fc00::', `fdff:ffff:ffff:ffff:${ffff}`, undefined],
  'unallocated below fe80': [undefined, 'fe00::', `fe7f:ffff:ffff:ffff:${ffff}`, undefined],
  'link-local': [undefined, 'fe80::', `febf:ffff:ffff:ffff:${ffff}`, undefined],
  'site-local': [undefined, 'fec0::', `feff:ffff:ffff:ffff:${ffff}`, undefined],
  multicast: [undefined, 'ff00::', `ffff:ffff:ffff:ffff:${ffff}`, undefined],
};

/** What a carrier of IPv4 addresses looks like around one. */
const carriers: Readonly<Record<string, (hex: readonly [string, string]) => string>> = {
  NAT64: ([high, low]) => `64:ff9b::${high}:${low}`,
  '6to4': ([high, low]) => `2002:${high}:${low}::1`,
  'ISATAP, private identifier': ([high, low]) => `2600:1::5efe:${high}:${low}`,
  'ISATAP, public identifier': ([high, low]) => `2600:1::200:5efe:${high}:${low}`,
};

function inHex(address: string): readonly [string, string] {
  const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number);
  return [(a * 256 + b).toString(16), (c * 256 + d).toString(16)];
}

describe('special-use addresses', () => {
  for (const [family, ranges] of Object.entries({ IPv4: ipv4, IPv6: ipv6 })) {
    for (const [name, [before, first, last, after]] of Object.entries(ranges)) {
      it(`of ${family} are refused, and their neighbours are not: ${name}`, () => {
        assert.notEqual(refuseReason(first), undefined, first);
        assert.notEqual(refuseReason(last), undefined, last);
        for (const neighbour of [before, after]) {
          assert.equal(neighbour && refuseReason(neighbour), undefined, neighbour);
        }
      });
    }
  }

  it('are named by what they are for', () => {
    assert.equal(refuseReason('169.254.169.254'), 'link-local');
    assert.equal(refuseReason('255.255.255.255'), 'broadcast');
    assert.equal(refuseReason('::1'), 'loopback');
    assert.equal(refuseReason('fd00::1'), 'private (unique local)');
    assert.equal(refuseReason('::ffff:10.0.0.1'), 'IPv4-mapped');
    assert.equal(refuseReason('64:ff9b::a9fe:a9fe'), 'NAT64 of 169.254.169.254: link-local');
  });

  for (const [name, carry] of Object.entries(carriers)) {
    it(`are refused inside ${name} too, and others are not`, () => {
      for (const [before, first, last, after] of Object.values(ipv4)) {
        assert.notEqual(refuseReason(carry(inHex(first))), undefined, carry(inHex(first)));
        assert.notEqual(refuseReason(carry(inHex(last))), undefined, carry(inHex(last)));
        for (const neighbour of [before, after]) {
          assert.equal(neighbour && refuseReason(carry(inHex(neighbour))), undefined, neighbour);
        }
      }
    });
  }

  it('are refused around a public IPv4 address where the form itself is special', () => {
    for (const address of ['::ffff:8.8.8.8', '::8.8.8.8', '::ffff:0:8.8.8.8', '64:ff9b:1::8.8.8.8']) {
      assert.notEqual(refuseReason(address), undefined, address);
    }
    // Teredo with a public server, port and client.
    assert.notEqual(refuseReason('2001:0:4136:e378:8000:63bf:f7f7:f7f7'), undefined);
  });

  it('are no public addresses', () => {
    for (const address of [
      '8.8.8.8',
      '1.1.1.1',
      '93.184.216.34',
      '2606:4700::1111',
      '2a00:1450:4001::200e',
    ]) {
      assert.equal(refuseReason(address), undefined, address);
    }
    // Only where an interface identifier has it is 5efe ISATAP.
    assert.equal(refuseReason('2600:1:5efe:a00:1::1'), undefined);
    assert.equal(refuseReason('2600:1::1:5efe:a00:1'), undefined);
  });

  it('include whatever is not written as an address', () => {
    for (const text of ['', 'localhost', '127.1', '0x7f000001', '2130706433', '010.0.0.1', 'fe80::1%eth0']) {
      assert.equal(refuseReason(text), 'not an IP address', text);
    }
  });
});
