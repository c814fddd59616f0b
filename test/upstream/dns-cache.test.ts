import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DnsCache, type DnsCacheSettings } from '../../src/upstream/dns/dns-cache.ts';
import type { DnsQuestion } from '../../src/upstream/dns/dns-record.ts';
import type { DnsOutcome } from '../../src/upstream/dns/dns-reply.ts';

const question = { name: 'a.test', type: 'A' } as const;
const failed: DnsOutcome = { kind: 'failed', code: 'ETIMEOUT', why: 'silence' };

function found(address: string, ttlSeconds: number): DnsOutcome {
  return {
    kind: 'records',
    records: [{ type: 'A', name: 'a.test', address }],
    additional: [],
    ttlSeconds,
  };
}

/** A cache on a clock of its own, with outcomes that the test sets. */
function cacheWith(overrides: Partial<DnsCacheSettings> = {}) {
  const script = {
    nowMs: 0,
    outcome: found('192.0.2.1', 60),
    asked: [] as string[],
  };
  const cache = new DnsCache({
    ask: ({ name, type }: DnsQuestion) => {
      script.asked.push(`${type} ${name}`);
      return Promise.resolve(script.outcome);
    },
    minTtlMs: 1000,
    maxTtlMs: 300_000,
    maxNegativeTtlMs: 30_000,
    maxEntries: 100,
    keepOnFailure: true,
    nowMs: () => script.nowMs,
    random: () => 0,
    ...overrides,
  });
  return { cache, script };
}

describe('a DNS cache', () => {
  it('asks again when the TTL has ended, and not before', async () => {
    const { cache, script } = cacheWith();
    await cache.lookup(question);
    script.nowMs = 59_999;
    await cache.lookup(question);
    assert.equal(script.asked.length, 1);
    script.nowMs = 60_000;
    await cache.lookup(question);
    assert.equal(script.asked.length, 2);
  });

  it('asks once for whoever asks while the answer is under way', async () => {
    const { cache, script } = cacheWith();
    const lookups = await Promise.all([1, 2, 3].map(() => cache.lookup(question)));
    assert.equal(script.asked.length, 1);
    assert.equal(lookups[0], lookups[2]);
  });

  it('keeps types of one name apart', async () => {
    const { cache, script } = cacheWith();
    await cache.lookup(question);
    await cache.lookup({ ...question, type: 'AAAA' });
    assert.deepEqual(script.asked, ['A a.test', 'AAAA a.test']);
  });

  it('uses answers within its bounds, and up to a tenth less than their TTL', async () => {
    const usedFor = async (ttlSeconds: number, random: number) => {
      const { cache, script } = cacheWith({ random: () => random });
      script.outcome = found('192.0.2.1', ttlSeconds);
      return (await cache.lookup(question)).nextLookupAtMs;
    };
    assert.equal(await usedFor(0, 0), 1000);
    assert.equal(await usedFor(86_400, 0), 300_000);
    assert.equal(await usedFor(60, 0.5), 57_000);
    assert.equal(await usedFor(1, 0.9), 1000);
  });

  it('remembers that there is nothing, for a shorter while', async () => {
    const { cache, script } = cacheWith();
    const usedFor = async (ttlSeconds: number | undefined, name: string) => {
      script.outcome = { kind: 'none', code: 'ENOTFOUND', ttlSeconds };
      return (await cache.lookup({ name, type: 'A' })).nextLookupAtMs;
    };
    assert.equal(await usedFor(10, 'a'), 10_000);
    assert.equal(await usedFor(3600, 'b'), 30_000);
    assert.equal(await usedFor(0, 'c'), 1000);
    assert.equal(await usedFor(undefined, 'd'), 5000);
    assert.equal((await cache.lookup({ name: 'a', type: 'A' })).absence?.code, 'ENOTFOUND');
    assert.equal(script.asked.length, 4);
  });

  it('keeps the last good answer while asking fails, and says so', async () => {
    const { cache, script } = cacheWith();
    const { records } = await cache.lookup(question);
    script.nowMs = 60_000;
    script.outcome = failed;
    const stale = await cache.lookup(question);
    assert.deepEqual(stale.records, records);
    assert.deepEqual(stale.failure, { code: 'ETIMEOUT', why: 'silence' });
    script.nowMs = stale.nextLookupAtMs;
    script.outcome = found('192.0.2.2', 60);
    const fresh = await cache.lookup(question);
    assert.equal(fresh.failure, undefined);
    assert.notDeepEqual(fresh.records, records);
  });

  it('keeps to itself a last answer that has to be fresh', async () => {
    const { cache, script } = cacheWith({ keepOnFailure: false });
    await cache.lookup(question);
    script.nowMs = 60_000;
    script.outcome = failed;
    assert.deepEqual((await cache.lookup(question)).records, []);
  });

  it('waits longer after each failure in a row, up to 30 s, and starts over after a success', async () => {
    const { cache, script } = cacheWith();
    const waited: number[] = [];
    for (const outcome of [failed, failed, failed, failed, failed, failed, failed]) {
      script.outcome = outcome;
      const { nextLookupAtMs } = await cache.lookup(question);
      waited.push(nextLookupAtMs - script.nowMs);
      script.nowMs = nextLookupAtMs;
    }
    assert.deepEqual(waited, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    script.outcome = found('192.0.2.1', 60);
    script.nowMs = (await cache.lookup(question)).nextLookupAtMs;
    script.outcome = failed;
    assert.equal((await cache.lookup(question)).nextLookupAtMs - script.nowMs, 1000);
  });

  it('forgets what has not been asked for longest when it is full', async () => {
    const { cache, script } = cacheWith({ maxEntries: 2 });
    const look = (name: string) => cache.lookup({ name, type: 'A' });
    await look('a');
    await look('b');
    await look('a');
    await look('c');
    await look('a');
    assert.equal(script.asked.length, 3);
    await look('b');
    assert.equal(script.asked.length, 4);
  });
});
