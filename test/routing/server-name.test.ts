import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';

import { normalizeServerName, parseServerNamePattern } from '../../src/routing/server-name.ts';

/** 253 characters, the most a name may have. */
const longestName = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}`;

describe('a client’s server name', () => {
  it('is compared in lower case', () => {
    assert.equal(normalizeServerName('Shop.EXAMPLE.com'), 'shop.example.com');
  });

  it('loses one trailing dot', () => {
    assert.equal(normalizeServerName('shop.example.com.'), 'shop.example.com');
    assert.equal(normalizeServerName('shop.example.com..'), undefined);
    assert.equal(normalizeServerName('.'), undefined);
  });

  it('has labels of 1 to 63 characters and 253 in all, the trailing dot not counted', () => {
    const label = 'x'.repeat(63);
    assert.equal(normalizeServerName(`${label}.example`), `${label}.example`);
    assert.equal(normalizeServerName(`example.${label}`), `example.${label}`);
    assert.equal(normalizeServerName(`x${label}.example`), undefined);
    assert.equal(normalizeServerName(`example.x${label}`), undefined);
    assert.equal(normalizeServerName(longestName), longestName);
    assert.equal(normalizeServerName(`${longestName}.`), longestName);
    assert.equal(normalizeServerName(`${longestName}d`), undefined);
  });

  it('has no empty label', () => {
    for (const name of ['', '.', 'a..b', '.a', '..'])
      assert.equal(normalizeServerName(name), undefined, name);
  });

  it('may have hyphens and underscores anywhere in a label', () => {
    for (const name of [
      '-a.example',
      'a-.example',
      'r3---sn.example',
      '_x._tls.example',
      'xn--bcher-kva.example',
    ]) {
      assert.equal(normalizeServerName(name), name);
    }
  });

  it('has no other characters', () => {
    for (const name of [
      'a b',
      'a\0',
      'é',
      'b\xfccher.example',
      'a/b',
      'a:443',
      '*',
      '*.example.com',
      'a\n',
      'a,b',
    ]) {
      assert.equal(normalizeServerName(name), undefined, JSON.stringify(name));
    }
  });

  it('is not an IP address, in any form the URL standard takes for one', () => {
    const addresses = [
      '192.0.2.1',
      '192.0.2.1.',
      '127.1',
      '2130706433',
      '0x7f000001',
      '0X7F.1',
      '1.2.3.0x',
      '999.999',
    ];
    for (const name of [...addresses, '::1', '[::1]', '[2001:db8::1]', '::ffff:192.0.2.1']) {
      assert.equal(normalizeServerName(name), undefined, name);
    }
  });

  it('may have numbers in front of a last label that is none', () => {
    for (const name of ['1.2.3.example', '10.in-addr.arpa', '1e100.net', '0xg', '4d', 'a.0x-1']) {
      assert.equal(normalizeServerName(name), name);
    }
  });

  it('is the same once in normal form', () => {
    const labelText = fc.string({ unit: fc.constantFrom(...'abXYZ019-_'), minLength: 1, maxLength: 64 });
    const likely = fc.array(labelText, { minLength: 1, maxLength: 6 }).map((labels) => labels.join('.'));
    let normal = 0;
    fc.assert(
      fc.property(fc.oneof(likely, fc.string(), fc.string({ unit: 'binary' })), (raw) => {
        const name = normalizeServerName(raw);
        if (name === undefined) return;
        normal++;
        assert.equal(normalizeServerName(name), name);
        assert.equal(normalizeServerName(`${name}.`), name);
        assert.equal(name, raw.toLowerCase().replace(/\.$/, ''));
      }),
      { numRuns: 5000 },
    );
    assert.ok(normal > 1000, `only ${normal} names`);
  });
});

describe('a server name pattern', () => {
  const accepted = (text: string) => {
    const result = parseServerNamePattern(text);
    assert.ok(result.ok, `${JSON.stringify(text)} is refused`);
    return result.pattern;
  };
  const problem = (text: string) => {
    const result = parseServerNamePattern(text);
    assert.ok(!result.ok, `${JSON.stringify(text)} is accepted`);
    return result.problem;
  };

  it('is an exact name, a wildcard with a suffix, or the wildcard alone', () => {
    for (const text of ['shop.example.com', '*.example.com', '*.com', '*', 'localhost', '_x.example']) {
      assert.equal(accepted(text), text);
    }
  });

  it('is put in normal form: lower case, no trailing dot', () => {
    assert.equal(accepted('Shop.Example.COM.'), 'shop.example.com');
    assert.equal(accepted('*.Example.COM.'), '*.example.com');
  });

  it('has its Unicode labels as A-labels, converted as browsers do', () => {
    assert.equal(accepted('Bücher.example'), 'xn--bcher-kva.example');
    assert.equal(accepted('*.BÜCHER.example.'), '*.xn--bcher-kva.example');
    assert.equal(accepted('straße.example'), 'xn--strae-oqa.example');
    assert.equal(accepted('例え.テスト'), 'xn--r8jz45g.xn--zckzah');
    assert.equal(accepted('XN--BCHER-KVA.example'), 'xn--bcher-kva.example');
  });

  it('says where "*" may stand, for each place where it may not', () => {
    for (const text of [
      'a.*.b',
      '*foo.com',
      'foo*',
      '*.',
      '**',
      '*.*.com',
      'a.*',
      '*a',
      'foo.*.',
      '*..*',
      '*x.*',
      '. *',
    ]) {
      assert.match(
        problem(text),
        /"\*" where it cannot stand.*allowed are an exact name, "\*\.example\.com" and "\*"/,
      );
    }
  });

  it('says what else is wrong', () => {
    const problems: [string, RegExp][] = [
      ['', /is empty/],
      ['.', /no label/],
      ['.example.com', /starts with a dot/],
      ['*..example.com', /starts with a dot/],
      ['a..b', /empty label/],
      ['example.com..', /empty label/],
      ['192.0.2.1', /IP address/],
      ['*.2.1', /IP address/],
      ['127.1', /IP address/],
      ['１９２.0.2.1', /IP address/],
      ['::1', /IP address/],
      ['[::1]', /IP address/],
      ['[::1]:443', /IP address/],
      ['example.com:443', /has a port/],
      ['https://example.com/', /is a URL/],
      ['exam ple.com', /has " "/],
      ['example.com/', /has "\/"/],
      ['bü%63her.example', /has "%"/],
      ['a\u{1f600}\tb', /has "\\t"/],
      ['xn--a.ü', /IDNA/],
      [`${'x'.repeat(64)}.com`, /label of 64 characters/],
      [`é${'é'.repeat(63)}.com`, /label of \d+ characters/],
      [`${longestName}d`, /longer than the 253 characters/],
      [`*.${longestName}`, /longer than the 253 characters/],
    ];
    for (const [text, expected] of problems) assert.match(problem(text), expected, text);
  });

  it('is accepted exactly where a client could send such a name, and is then what it is compared with', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'aB1-_.é*:/ '), maxLength: 12 }), (text) => {
        const result = parseServerNamePattern(text);
        if (result.ok) {
          assert.deepEqual(parseServerNamePattern(result.pattern), result);
          const instance = result.pattern.replace('*', 'x');
          assert.equal(normalizeServerName(instance), instance);
        } else {
          assert.equal(normalizeServerName(text), undefined);
          assert.match(result.problem, /; allowed are /);
        }
      }),
      { numRuns: 5000 },
    );
  });
});
