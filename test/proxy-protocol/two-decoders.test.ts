import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeProxyHeader } from '../../src/proxy-protocol/decode.ts';
import {
  type DecodedProxyHeader,
  malformedProxyHeaderReasons,
} from '../../src/proxy-protocol/proxy-header.ts';
import { examples } from './headers.ts';
import { mutated, seededRandom } from './mutation.ts';
import { decodeProxyHeaderNatively } from './native-decoder.ts';

const inputCount = 1_000_000;

/** Everything both decoders tell, as text; what it became, for counting, is the first word. */
function told(decoded: DecodedProxyHeader): string {
  switch (decoded.kind) {
    case 'incomplete':
      return `incomplete ${decoded.neededBytes}`;
    case 'malformed':
      return decoded.reason;
    case 'header': {
      const { bytes, version, source, destination } = decoded;
      const ends = [source, destination].map((end) => end && `${end.address} ${end.port} ${end.family}`);
      return `header${version}${source ? '' : 'keep'} ${bytes} ${ends}`;
    }
  }
}

function assertSame(input: Uint8Array, context: string): string {
  const inTypeScript = told(decodeProxyHeader(input));
  const inCpp = told(decodeProxyHeaderNatively(input));
  if (inTypeScript !== inCpp) {
    assert.equal(inCpp, inTypeScript, `${context}: ${Buffer.from(input).toString('hex')}`);
  }
  return inTypeScript.split(' ', 1)[0] ?? '';
}

test('both decoders tell the same of every prefix of every example', () => {
  for (const { name, bytes } of examples) {
    for (let length = 0; length <= bytes.length; length++) {
      if (length < 600 || length > bytes.length - 600) assertSame(bytes.subarray(0, length), name);
    }
  }
});

test('both decoders tell the same of one or two bytes of anything, and of anything after a signature', () => {
  for (const start of ['', 'PROXY ', '\r\n\r\n\0\r\nQUIT\n', '\r\n\r\n\0\r\nQUIT\n\x21\x11']) {
    const prefix = Buffer.from(start, 'latin1');
    for (let pair = 0; pair < 0x10000; pair++) {
      assertSame(Buffer.concat([prefix, Buffer.of(pair >> 8, pair & 0xff)]), 'pair');
    }
  }
});

test(`both decoders tell the same of ${inputCount} mutated headers`, (t) => {
  const { SLUICE_TEST_SEED: wantedSeed = Date.now() % 0x7fffffff } = process.env;
  const seed = Number(wantedSeed);
  const random = seededRandom(seed);
  const short = examples.filter(({ bytes }) => bytes.length < 600);
  const pick = (): Uint8Array => short[random(short.length)]?.bytes ?? new Uint8Array(0);
  const counts = new Map<string, number>();
  for (let input = 0; input < inputCount; input++) {
    const became = assertSame(mutated(pick(), pick(), random), `SLUICE_TEST_SEED=${seed}, input ${input}`);
    counts.set(became, (counts.get(became) ?? 0) + 1);
  }
  t.diagnostic(`seed ${seed}: ${[...counts].map(([became, count]) => `${became} ${count}`).join(', ')}`);
  for (const became of [
    'incomplete',
    'header1',
    'header1keep',
    'header2',
    'header2keep',
    ...malformedProxyHeaderReasons,
  ]) {
    assert.ok((counts.get(became) ?? 0) > inputCount / 2000, `few or none became ${became}`);
  }
});
