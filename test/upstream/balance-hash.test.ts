import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Rendezvous } from '../../src/upstream/balance/rendezvous.ts';
import { ServerNameHash } from '../../src/upstream/balance/server-name-hash.ts';
import { SourceHash } from '../../src/upstream/balance/source-hash.ts';
import { hashText } from '../../src/upstream/balance/text-hash.ts';
import type { Endpoint } from '../../src/upstream/endpoint.ts';
import { countBy, sampleEndpoints, sampleRequest, seededRandom, worstShareError } from './samples.ts';

/** Addresses that follow each other, as clients behind one provider have: the hardest for a weak hash. */
const texts = Array.from(
  { length: 20_000 },
  (_, index) => `203.${index >> 16}.${(index >> 8) & 255}.${index & 255}`,
);

function rendezvous(endpoints: readonly Endpoint[]): Rendezvous {
  const hash = new Rendezvous();
  hash.reset(endpoints);
  return hash;
}

function owners(endpoints: readonly Endpoint[]): string[] {
  const hash = rendezvous(endpoints);
  return texts.map((text) => hash.pick(text, [])?.key ?? '');
}

function ones(count: number): Endpoint[] {
  return sampleEndpoints(Array(count).fill(1));
}

describe('rendezvous hashing', () => {
  it('gives every endpoint the share its weight asks for', (context) => {
    for (const weights of [Array<number>(10).fill(1), [1, 2, 3, 10, 65_535 / 4096]]) {
      const endpoints = sampleEndpoints(weights);
      const counts = countBy(owners(endpoints));
      const error = worstShareError(
        weights,
        endpoints.map(({ key }) => counts.get(key) ?? 0),
      );
      context.diagnostic(`${weights.length} endpoints: worst share ${(100 * error).toFixed(1)} % off`);
      assert.ok(error < 0.08);
    }
  });

  it('moves at most 1.5/N of the texts when one of N endpoints goes, and only those that were its own', (context) => {
    let worst = 0;
    for (let count = 2; count <= 50; count += 1) {
      const endpoints = ones(count);
      const gone = endpoints[count >> 1];
      const before = owners(endpoints);
      const after = owners(endpoints.filter((each) => each !== gone));
      const moved = texts.filter((_, index) => before[index] !== after[index]).length;
      assert.equal(moved, before.filter((owner) => owner === gone?.key).length);
      worst = Math.max(worst, (moved / texts.length) * count);
    }
    context.diagnostic(`most moved, N from 2 to 50: ${worst.toFixed(3)} / N`);
    assert.ok(worst < 1.5);
  });

  it('moves texts only to the endpoint that comes, as many as its weight asks for', () => {
    const endpoints = sampleEndpoints([1, 2, 3, 4]);
    const [before, after] = [owners(endpoints.slice(0, 3)), owners(endpoints)];
    const moved = after.filter((owner, index) => owner !== before[index]);
    assert.deepEqual([...new Set(moved)], [endpoints[3]?.key]);
    assert.ok(Math.abs(moved.length / texts.length - 0.4) < 0.02);
  });

  it('moves texts only to the endpoint whose weight grows', () => {
    const [before, after] = [owners(sampleEndpoints([1, 1, 1])), owners(sampleEndpoints([1, 1, 2]))];
    const moved = after.filter((owner, index) => owner !== before[index]);
    assert.deepEqual([...new Set(moved)], ['10.0.0.3:8443']);
  });

  it('answers alike in every instance, in whatever order the endpoints are listed', () => {
    const numbers = fc.uniqueArray(fc.integer({ min: 1, max: 65_535 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(numbers, fc.string(), fc.nat(), (numbers, text, seed) => {
        const endpoints = sampleEndpoints(numbers);
        const random = seededRandom(seed);
        const shuffled = sampleEndpoints(numbers)
          .map((endpoint) => ({ endpoint, place: random() }))
          .sort((one, other) => one.place - other.place)
          .map(({ endpoint }) => endpoint);
        assert.equal(rendezvous(endpoints).pick(text, [])?.key, rendezvous(shuffled).pick(text, [])?.key);
      }),
    );
  });

  it('goes, for one text, through the endpoints in the same order whether they are tried or gone', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const endpoints = sampleEndpoints([1, 2, 3, 4, 5]);
        const hash = rendezvous(endpoints);
        const tried: Endpoint[] = [];
        for (let count = 0; count < endpoints.length; count += 1) {
          const next = hash.pick(text, tried);
          assert.ok(next && !tried.includes(next));
          const without = rendezvous(endpoints.filter((each) => !tried.includes(each)));
          assert.equal(without.pick(text, []), next);
          tried.push(next);
        }
        assert.equal(hash.pick(text, tried), undefined);
      }),
    );
  });

  it('spreads what one endpoint leaves over all others', () => {
    const endpoints = ones(5);
    const [gone] = endpoints;
    const hash = rendezvous(endpoints);
    const left = texts.filter((text) => hash.pick(text, []) === gone);
    const counts = countBy(left.map((text) => rendezvous(endpoints.slice(1)).pick(text, [])?.key ?? ''));
    assert.ok(worstShareError([1, 1, 1, 1], [...counts.values()]) < 0.15);
    assert.equal(counts.size, 4);
  });

  it('keeps its answers over releases', () => {
    const hash = rendezvous(sampleEndpoints([1, 2, 3, 4]));
    const answers = ['192.0.2.1', '2001:db8::1', 'shop.example.com', ''].map(
      (text) => hash.pick(text, [])?.key,
    );
    assert.deepEqual(answers, ['10.0.0.4:8443', '10.0.0.3:8443', '10.0.0.3:8443', '10.0.0.4:8443']);
  });
});

describe('source-hash', () => {
  it('looks at the whole address, of either family', () => {
    const balancer = new SourceHash();
    balancer.reset(ones(50));
    const pick = (source: string) => balancer.pick(sampleRequest({ source }), [])?.key;
    assert.equal(pick('192.0.2.1'), pick('192.0.2.1'));
    const inOnePrefix = Array.from({ length: 100 }, (_, index) => pick(`2001:db8::${index.toString(16)}`));
    assert.ok(new Set(inOnePrefix).size > 30);
  });
});

describe('server-name-hash', () => {
  const balancer = new ServerNameHash();
  balancer.reset(ones(50));
  const pick = (serverName: string | undefined, source: string) =>
    balancer.pick(sampleRequest({ serverName, source }), [])?.key;

  it('looks at the server name alone', () => {
    const picked = texts.slice(0, 100).map((source) => pick('shop.example.com', source));
    assert.equal(new Set(picked).size, 1);
    assert.equal(new Set(texts.slice(0, 100).map((name) => pick(name, '192.0.2.1'))).size > 30, true);
  });

  it('tells clients without a server name apart by their address', () => {
    const picked = texts.slice(0, 100).map((source) => pick(undefined, source));
    assert.ok(new Set(picked).size > 30);
  });
});

describe('text hash', () => {
  it('changes about half of the bits when one of the text does', () => {
    let changed = 0;
    for (const text of texts.slice(0, 1000)) {
      const other = text.slice(0, -1) + String.fromCharCode(text.charCodeAt(text.length - 1) ^ 1);
      for (let bits = hashText(text, 1) ^ hashText(other, 1); bits !== 0; bits &= bits - 1) changed += 1;
    }
    assert.ok(Math.abs(changed / 1000 - 16) < 0.5, `${changed / 1000} of 32 bits`);
  });

  it('is MurmurHash3 where a text has no characters', () => {
    // The empty input's published values: with nothing to mix in, only the finaliser is left.
    assert.equal(hashText('', 0), 0);
    assert.equal(hashText('', 1), 0x514e28b7);
    assert.equal(hashText('', 0xffffffff), 0x81f16f39);
  });

  it('depends on the seed, the order and the length', () => {
    const hashes = ['a', 'b', 'ab', 'ba', '\0', '\0\0', ''].flatMap((text) => [
      hashText(text, 1),
      hashText(text, 2),
    ]);
    assert.equal(new Set(hashes).size, hashes.length);
  });
});
