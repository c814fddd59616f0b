import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { canonicalAddress } from '../../src/upstream/dns/canonical-address.ts';
import { parseDnsServer } from '../../src/upstream/dns/dns-server.ts';
import { parseHosts } from '../../src/upstream/dns/hosts-file.ts';
import { candidateNames, parseResolvConf } from '../../src/upstream/dns/resolv-conf.ts';
import { WatchedFile } from '../../src/upstream/dns/watched-file.ts';

describe('resolv.conf', () => {
  it('gives servers, search domains and options, and leaves out what it does not understand', () => {
    const text = `
      # a comment
      nameserver 192.0.2.53 ; another
      nameserver fe80::1%eth0
      nameserver dns.example
      domain old.example
      search Corp.Example. example
      options ndots:5 timeout:1 attempts:3 rotate edns0 timeout
      sortlist 192.0.2.0
    `;
    assert.deepEqual(parseResolvConf(text), {
      servers: [
        { host: '192.0.2.53', port: 53 },
        { host: 'fe80::1%eth0', port: 53 },
      ],
      search: ['corp.example', 'example'],
      ndots: 5,
      timeoutMs: 1000,
      attempts: 3,
    });
  });

  it('has defaults for all it does not say', () => {
    const defaults = { servers: [], search: [], ndots: 1, timeoutMs: 2000, attempts: 2 };
    assert.deepEqual(parseResolvConf(''), defaults);
    assert.deepEqual(parseResolvConf('options ndots timeout:x\nnameserver\nsearch'), defaults);
  });

  it('has no more servers than libc reads', () => {
    const text = [1, 2, 3, 4].map((host) => `nameserver 192.0.2.${host}`).join('\n');
    assert.equal(parseResolvConf(text).servers.length, 3);
  });

  it('tries a name with few dots under the search domains first, another one last', () => {
    const conf = { search: ['ns.svc', 'svc'], ndots: 2 };
    assert.deepEqual(candidateNames('shop', conf), ['shop.ns.svc', 'shop.svc', 'shop']);
    assert.deepEqual(candidateNames('a.b.C', conf), ['a.b.c', 'a.b.c.ns.svc', 'a.b.c.svc']);
  });

  it('takes a name with a trailing dot as it is', () => {
    assert.deepEqual(candidateNames('Shop.', { search: ['svc'], ndots: 5 }), ['shop']);
  });
});

describe('a DNS server', () => {
  it('is written with or without a port', () => {
    assert.deepEqual(parseDnsServer('192.0.2.1'), { host: '192.0.2.1', port: 53 });
    assert.deepEqual(parseDnsServer('192.0.2.1:5353'), { host: '192.0.2.1', port: 5353 });
    assert.deepEqual(parseDnsServer('2001:db8::1'), { host: '2001:db8::1', port: 53 });
    assert.deepEqual(parseDnsServer('[2001:db8::1]:5353'), { host: '2001:db8::1', port: 5353 });
    for (const wrong of ['', 'dns.example', 'dns.example:53', '192.0.2.1:', '[192.0.2.1', '192.0.2']) {
      assert.equal(parseDnsServer(wrong), undefined, wrong);
    }
  });
});

describe('the hosts file', () => {
  it('gives every address of a name, whatever its case', () => {
    const hosts = parseHosts(`
      127.0.0.1  localhost Shop.Internal # here
      ::1        localhost
      127.0.0.1  localhost
      # 192.0.2.1 gone
      nonsense   other
      fe80::1%lo zoned
    `);
    assert.deepEqual(hosts.get('localhost'), [
      { address: '127.0.0.1', family: 4 },
      { address: '::1', family: 6 },
    ]);
    assert.deepEqual(hosts.get('shop.internal'), [{ address: '127.0.0.1', family: 4 }]);
    assert.equal(hosts.size, 2);
  });
});

describe('an address', () => {
  it('has one canonical form', () => {
    assert.deepEqual(canonicalAddress('2001:DB8:0:0:0::1'), { address: '2001:db8::1', family: 6 });
    assert.deepEqual(canonicalAddress('::ffff:192.0.2.1'), { address: '192.0.2.1', family: 4 });
    assert.deepEqual(canonicalAddress('192.0.2.1'), { address: '192.0.2.1', family: 4 });
  });

  it('is neither shorthand, nor in another base, nor with a zone', () => {
    for (const text of ['127.1', '0x7f.0.0.1', '010.0.0.1', '2130706433', 'fe80::1%eth0', '', 'a.test']) {
      assert.equal(canonicalAddress(text), undefined, text);
    }
  });
});

describe('a watched file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-watched-'));
  after(() => rmSync(folder, { recursive: true }));

  it('is read again when it has changed, and is empty while it is not there', (t) => {
    let nowMs = 0;
    t.mock.method(performance, 'now', () => nowMs);
    const path = join(folder, 'file');
    const file = new WatchedFile(path, (text) => ({ text }));
    assert.equal(file.read().text, '');
    writeFileSync(path, 'one');
    nowMs = 1000;
    const first = file.read();
    assert.equal(first.text, 'one');
    nowMs = 2000;
    assert.equal(file.read(), first);
    writeFileSync(path, 'two and more');
    assert.equal(file.read(), first);
    nowMs = 3000;
    assert.equal(file.read().text, 'two and more');
  });
});
