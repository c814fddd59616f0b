import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';

import { CidrSet, checkedCidr, formatCidr, parseCidr } from '../../src/routing/cidr.ts';
import { parseIpAddress } from '../../src/routing/ip-address.ts';

const normal = (text: string) => formatCidr(checkedCidr(text));

describe('an address', () => {
  it('is one exactly where Node says so', () => {
    const pieces = [
      '0',
      '1',
      'ffff',
      'abc',
      '::',
      ':',
      ':',
      ':',
      '12345',
      '1.2.3.4',
      '.',
      'g',
      'FF',
      '256',
      '01',
    ];
    const likely = fc.array(fc.constantFrom(...pieces), { maxLength: 17 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.oneof(likely, fc.ipV4(), fc.ipV6(), fc.string()), (text) => {
        // Zones are looked at more strictly by some versions of Node.
        fc.pre(!text.includes('%'));
        assert.equal(parseIpAddress(text) !== undefined, isIP(text) !== 0);
      }),
      { numRuns: 5000 },
    );
  });

  it('is the number other parsers make of it', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        // `::192.0.2.1` (deprecated by RFC 4291) is IPv4-mapped to ipaddr.js.
        fc.pre(!/^[0:]*:\d+\./.test(text));
        const expected = ipaddr.process(text);
        const bits = expected.toByteArray().reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
        const address = parseIpAddress(text);
        assert.ok(address !== undefined);
        assert.equal(BigInt(address.bits), bits);
        assert.equal(address.family, expected.kind() === 'ipv4' ? 4 : 6);
      }),
      { numRuns: 3000 },
    );
  });

  it('is the same with a zone', () => {
    assert.deepEqual(parseIpAddress('fe80::1%eth0'), parseIpAddress('fe80::1'));
  });
});

describe('a prefix', () => {
  it('has its host bits masked off', () => {
    assert.equal(normal('10.1.2.3/8'), '10.0.0.0/8');
    assert.equal(normal('255.255.255.255/1'), '128.0.0.0/1');
    assert.equal(normal('2001:db8:1::5/32'), '2001:db8::/32');
    assert.equal(normal('192.0.2.1/0'), '0.0.0.0/0');
    assert.equal(normal('2001:db8::1/0'), '::/0');
  });

  it('is one address where no length is given', () => {
    assert.equal(normal('192.0.2.1'), '192.0.2.1/32');
    assert.equal(normal('2001:DB8:0::1'), '2001:db8::1/128');
  });

  it('is IPv4 where it is IPv4-mapped', () => {
    assert.equal(normal('::ffff:10.1.2.3'), '10.1.2.3/32');
    assert.equal(normal('::ffff:10.1.2.3/104'), '10.0.0.0/8');
    assert.equal(normal('::ffff:0:0/96'), '0.0.0.0/0');
    assert.equal(normal('::ffff:0:0/95'), '::fffe:0:0/95');
    assert.equal(normal('::ffff:10.0.0.0/80'), '::/80');
  });

  it('says what is wrong and what is allowed', () => {
    const problems: [string, RegExp][] = [
      ['', /not an IP address or prefix/],
      ['example.com', /not an IP address or prefix/],
      ['10.0.0/8', /not an IP address or prefix/],
      ['010.0.0.1', /not an IP address or prefix/],
      ['256.0.0.1', /not an IP address or prefix/],
      ['fe80::1%eth0/64', /not an IP address or prefix/],
      ['[::1]', /not an IP address or prefix/],
      ['10.0.0.0/33', /number from 0 to 32/],
      ['10.0.0.0/', /number from 0 to 32/],
      ['10.0.0.0/08', /number from 0 to 32/],
      ['10.0.0.0/-1', /number from 0 to 32/],
      ['10.0.0.0/255.0.0.0', /number from 0 to 32/],
      ['10.0.0.0/8/8', /number from 0 to 32/],
      ['::/129', /number from 0 to 128/],
    ];
    for (const [text, expected] of problems) {
      const result = parseCidr(text);
      assert.ok(!result.ok, text);
      assert.match(result.problem, expected);
      assert.match(result.problem, /; allowed are an address or a prefix, such as "192\.0\.2\.0\/24"/);
    }
  });
});

describe('a set of prefixes', () => {
  const set = new CidrSet([
    '10.0.0.0/8',
    '10.1.0.0/16',
    '2001:db8::/32',
    '::1',
    '192.0.2.7/32',
    '128.0.0.0/1',
  ]);

  it('has the addresses its prefixes hold', () => {
    for (const address of [
      '10.0.0.0',
      '10.255.255.255',
      '2001:db8:ffff::',
      '::1',
      '192.0.2.7',
      '255.255.255.255',
    ]) {
      assert.equal(set.has(address), true, address);
    }
    for (const address of ['9.255.255.255', '11.0.0.0', '2001:db9::', '::2', '127.0.0.1', '::', '0.0.0.0']) {
      assert.equal(set.has(address), false, address);
    }
  });

  it('answers with the longest prefix', () => {
    assert.equal(set.longestMatch('10.1.2.3'), 16);
    assert.equal(set.longestMatch('10.2.2.3'), 8);
    assert.equal(set.longestMatch('::1'), 128);
    assert.equal(set.longestMatch('11.0.0.0'), -1);
  });

  it('takes IPv4-mapped addresses for IPv4', () => {
    assert.equal(set.longestMatch('::ffff:10.1.2.3'), 16);
    assert.equal(set.longestMatch('::ffff:a01:203'), 16);
  });

  it('holds no IPv4 address by an IPv6 prefix, nor the other way round', () => {
    assert.equal(new CidrSet(['::/0']).has('10.0.0.1'), false);
    assert.equal(new CidrSet(['0.0.0.0/0']).has('::1'), false);
    assert.equal(new CidrSet(['0.0.0.0/0']).has('255.255.255.255'), true);
    assert.equal(new CidrSet(['::/0']).has('ffff::'), true);
  });

  it('has nothing that is no address', () => {
    for (const text of ['', 'localhost', '10.1.2', '10.1.2.3/8', '[::1]', '10.0.0.0.0']) {
      assert.equal(set.has(text), false, text);
    }
  });

  it('refuses to be made of anything but prefixes', () => {
    assert.throws(() => new CidrSet(['10.0.0.0/8', 'nonsense']), {
      name: 'TypeError',
      message: /"nonsense" is not/,
    });
  });

  it('agrees with another matcher', () => {
    const narrow = fc.nat({ max: 255 });
    const v4 = narrow.map((n) => `10.0.0.${n}`);
    const v6 = narrow.map((n) => `2001:db8::${n.toString(16)}`);
    const v4Prefix = fc
      .tuple(v4, fc.integer({ min: 22, max: 32 }))
      .map(([address, length]) => `${address}/${length}`);
    const v6Prefix = fc
      .tuple(v6, fc.integer({ min: 118, max: 128 }))
      .map(([address, length]) => `${address}/${length}`);
    fc.assert(
      fc.property(fc.array(fc.oneof(v4Prefix, v6Prefix)), fc.oneof(v4, v6), (texts, address) => {
        const client = ipaddr.parse(address);
        const lengths = texts
          .map((text) => ipaddr.parseCIDR(text))
          .flatMap(([base, length]) =>
            base.kind() === client.kind() && client.match(base, length) ? [length] : [],
          );
        assert.equal(new CidrSet(texts).longestMatch(address), Math.max(-1, ...lengths));
      }),
      { numRuns: 3000 },
    );
  });
});
