import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Answer, encode, type Packet } from 'dns-packet';
import fc from 'fast-check';
import { decodeReply, encodeQuery } from '../../src/upstream/dns/dns-message.ts';
import type { RecordType } from '../../src/upstream/dns/dns-record.ts';
import { address, flag, soa } from './dns-fake-server.ts';

function ask(name: string, type: RecordType) {
  return { id: 4711, question: { name, type }, edns: true } as const;
}

function message(name: string, type: RecordType, sections: Packet): Buffer {
  return encode({ type: 'response', id: 4711, questions: [{ name, type }], ...sections });
}

function reply(name: string, type: RecordType, sections: Packet) {
  return decodeReply(message(name, type, sections), ask(name, type));
}

function alias(name: string, data: string, ttl: number): Answer {
  return { type: 'CNAME', name, ttl, data };
}

describe('a DNS reply', () => {
  it('has the records asked for and the least of their TTLs', () => {
    const answers = [address('a.test', '192.0.2.1', 30), address('a.test', '192.0.2.2', 20)];
    assert.deepEqual(reply('a.test', 'A', { answers }), {
      kind: 'records',
      records: [
        { type: 'A', name: 'a.test', address: '192.0.2.1' },
        { type: 'A', name: 'a.test', address: '192.0.2.2' },
      ],
      additional: [],
      ttlSeconds: 20,
    });
  });

  it('follows aliases in whatever order they come, and is valid no longer than any of them', () => {
    const answers = [
      address('c.test', '192.0.2.1', 30),
      alias('b.test', 'c.test', 5),
      alias('A.test', 'b.TEST', 60),
    ];
    const read = reply('a.test', 'A', { answers });
    assert.equal(read.kind === 'records' && read.ttlSeconds, 5);
  });

  it('leaves out records of names that were not asked for', () => {
    const answers = [address('a.test', '192.0.2.1'), address('b.test', '192.0.2.2')];
    const read = reply('a.test', 'A', { answers });
    assert.equal(read.kind === 'records' && read.records.length, 1);
  });

  it('is an alias to ask for where the records are missing', () => {
    const answers = [alias('a.test', 'b.test', 7)];
    assert.deepEqual(reply('a.test', 'A', { answers }), { kind: 'alias', target: 'b.test', ttlSeconds: 7 });
  });

  it('fails for aliases that go in a circle', () => {
    const answers = [alias('a.test', 'b.test', 7), alias('b.test', 'a.test', 7)];
    const read = reply('a.test', 'A', { answers });
    assert.equal(read.kind === 'failed' && read.code, 'EBADRESP');
  });

  it('tells a name that does not exist from one without such records, and for how long', () => {
    const authorities = [soa('test', 50, 40)];
    const none = { kind: 'none', ttlSeconds: 40 };
    assert.deepEqual(reply('a.test', 'A', { flags: flag.nameError, authorities }), {
      ...none,
      code: 'ENOTFOUND',
    });
    assert.deepEqual(reply('a.test', 'A', { authorities }), { ...none, code: 'ENODATA' });
    assert.deepEqual(reply('a.test', 'A', { authorities: [soa('test', 30, 40)] }), {
      kind: 'none',
      code: 'ENODATA',
      ttlSeconds: 30,
    });
    assert.deepEqual(reply('a.test', 'A', {}), { kind: 'none', code: 'ENODATA', ttlSeconds: undefined });
  });

  it('counts a TTL with its highest bit set as none', () => {
    const read = reply('a.test', 'A', { answers: [address('a.test', '192.0.2.1', 2 ** 31)] });
    assert.equal(read.kind === 'records' && read.ttlSeconds, 0);
  });

  it('fails with the code of the server that fails', () => {
    for (const [rcode, code] of [
      [1, 'EFORMERR'],
      [2, 'ESERVFAIL'],
      [4, 'ENOTIMP'],
      [5, 'EREFUSED'],
      [9, 'EBADRESP'],
    ] as const) {
      const read = reply('a.test', 'A', { flags: rcode });
      assert.equal(read.kind === 'failed' && read.code, code);
    }
  });

  it('fails where the server only refers to others', () => {
    const authorities: Answer[] = [{ type: 'NS', name: 'test', ttl: 60, data: 'ns.test' }];
    assert.equal(reply('a.test', 'A', { authorities }).kind, 'failed');
  });

  it('has the addresses that come along with SRV records, within the TTL', () => {
    const srv: Answer = {
      type: 'SRV',
      name: '_x._tcp.test',
      ttl: 60,
      data: { priority: 1, weight: 2, port: 443, target: 'A.test' },
    };
    const additionals = [address('a.test', '::ffff:192.0.2.1', 9), address('a.test', '2001:DB8::1', 60)];
    assert.deepEqual(reply('_x._tcp.test', 'SRV', { answers: [srv], additionals }), {
      kind: 'records',
      records: [{ type: 'SRV', name: '_x._tcp.test', priority: 1, weight: 2, port: 443, target: 'a.test' }],
      additional: [
        { type: 'AAAA', name: 'a.test', address: '192.0.2.1' },
        { type: 'AAAA', name: 'a.test', address: '2001:db8::1' },
      ],
      ttlSeconds: 9,
    });
  });

  it('is foreign with another id, another question, or when it is a query', () => {
    const good = message('a.test', 'A', {});
    assert.equal(decodeReply(good, { ...ask('a.test', 'A'), id: 4712 }).kind, 'foreign');
    assert.equal(decodeReply(good, ask('b.test', 'A')).kind, 'foreign');
    assert.equal(decodeReply(good, ask('a.test', 'AAAA')).kind, 'foreign');
    assert.equal(decodeReply(encodeQuery(ask('a.test', 'A')), ask('a.test', 'A')).kind, 'foreign');
    assert.equal(decodeReply(Buffer.alloc(0), ask('a.test', 'A')).kind, 'foreign');
  });

  it('is truncated, whatever part of it has arrived', () => {
    const whole = message('a.test', 'A', {
      flags: flag.truncated,
      answers: [address('a.test', '192.0.2.1')],
    });
    assert.equal(decodeReply(whole.subarray(0, -3), ask('a.test', 'A')).kind, 'truncated');
  });

  it('has no address made of bytes that are not there', () => {
    const whole = message('a.test', 'A', { answers: [address('a.test', '192.0.2.1')] });
    assert.notEqual(decodeReply(whole.subarray(0, -2), ask('a.test', 'A')).kind, 'records');
  });

  it('is read without an exception, any bytes, any length', () => {
    const whole = message('a.test', 'A', {
      answers: [alias('a.test', 'b.test', 7), address('b.test', '192.0.2.1')],
      authorities: [soa('test', 50, 40)],
      additionals: [address('b.test', '2001:db8::1')],
    });
    const changes = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 6 });
    fc.assert(
      fc.property(changes, fc.nat(whole.length), fc.uint8Array({ maxLength: 40 }), (edits, length, tail) => {
        const bytes = Buffer.from(whole);
        for (const [at, value] of edits) {
          bytes[at] = value;
        }
        bytes.writeUInt16BE(4711);
        decodeReply(Buffer.concat([bytes.subarray(0, length), tail]), ask('a.test', 'A'));
      }),
      { numRuns: 3000 },
    );
  });
});

describe('a DNS query', () => {
  it('asks for recursion and offers 1232 bytes over UDP', () => {
    const bytes = encodeQuery(ask('a.test', 'SRV'));
    assert.equal(bytes.readUInt16BE(0), 4711);
    assert.equal(bytes.readUInt16BE(2), 0x0100);
    assert.equal(bytes.readUInt16BE(bytes.length - 8), 1232);
  });

  it('offers nothing where EDNS is off', () => {
    const bytes = encodeQuery({ ...ask('a.test', 'A'), edns: false });
    assert.equal(bytes.readUInt16BE(10), 0);
  });
});
