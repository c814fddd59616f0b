import { encodeProxyV1, encodeProxyV2 } from '../../src/proxy-protocol/encode.ts';
import type { ProxyAddress } from '../../src/proxy-protocol/proxy-header.ts';
import { mutated as mutatedHeader } from '../proxy-protocol/mutation.ts';
import { buildHello, splitIntoBytes, splitIntoRecords } from '../tls/hello-builder.ts';
import { allHellos } from '../tls/hello-corpus.ts';
import { mutated as mutatedHello } from '../tls/hello-mutations.ts';
import type { Random } from '../tls/random.ts';
import { behaviours } from './behaviours.ts';
import { type Fate, maxHelloBytes, type ReadOpening, readOpening } from './fate.ts';
import { addressTail, type Cut, type ListenerName } from './plan.ts';

export interface Opening {
  readonly listener: ListenerName;
  readonly opening: Uint8Array;
  readonly headerBytes: number;
  readonly source: string | undefined;
  readonly fate: Fate;
  /** Where the opening itself is broken off. */
  readonly cut: Cut | undefined;
}

/** A fifth record takes six bytes at least, so that no hello has one of the five sizes below. */
const leastTooLarge = maxHelloBytes + 26;
const corpus = allHellos.map(({ bytes }) => bytes);
const echoHello = buildHello({ serverName: 'corpus.echo.test', alpn: ['h2'] });
const destination: ProxyAddress = { address: '198.51.100.1', port: 443, family: 4 };

/** The bytes that a connection begins with, and what is to become of them. */
export function drawOpening(random: Random, index: number): Opening {
  const isTrusted = random.below(4) === 0;
  for (;;) {
    const hello = drawHello(random, index);
    const whole = isTrusted ? Buffer.concat([drawHeader(random, index), hello]) : hello;
    const cut = drawOpeningCut(random, whole.length);
    const opening = cut === undefined ? whole : whole.subarray(0, cut.bytes);
    const read = readOpening(opening, isTrusted);
    if (!isOwn(read, index)) continue;
    const { fate, headerBytes, source } = read;
    const isLate = fate.kind === 'incomplete' && cut === undefined;
    const listener = isTrusted ? 'trusting' : isLate ? 'hasty' : 'edge';
    return { listener, opening, headerBytes, source, fate, cut };
  }
}

/** Mutations may say what another client says: then nobody could tell them apart. */
function isOwn({ fate, source }: ReadOpening, index: number): boolean {
  if (fate.kind === 'forwarded' && !fate.serverName.startsWith(`c${index}.`)) return false;
  return source === undefined || source === `10.${addressTail(index)}`;
}

function drawHello(random: Random, index: number): Uint8Array {
  const kind = random.below(20);
  if (kind < 12) return drawGoodHello(random, index);
  if (kind < 16) return mutatedHello([...corpus, echoHello, drawGoodHello(random, index)], random);
  if (kind === 16) return Buffer.from(Array.from({ length: 1 + random.below(300) }, () => random.below(256)));
  if (kind === 17) return Buffer.from('GET / HTTP/1.1\r\nHost: shop.example.com\r\n\r\n');
  if (kind === 18)
    return buildHello({
      serverName: `c${index}.echo.test`,
      wireBytes: leastTooLarge + random.below(5_000),
    });
  const names = [
    'nowhere.example',
    `c${index}.barred.test`,
    `c${index}.kicked.test`,
    'echo.test',
    '192.0.2.1',
    undefined,
  ];
  return buildHello({ serverName: names[random.below(names.length)] });
}

function drawGoodHello(random: Random, index: number): Uint8Array {
  const kind = random.below(30);
  const hangs = kind === 29;
  const behaviour = hangs ? 'hang' : behaviours[kind < 8 ? 0 : kind % (behaviours.length - 1)];
  const hello = buildHello({
    serverName: `c${index}.${behaviour}.test`,
    alpn: random.below(2) === 0 ? ['h2', 'http/1.1'] : [],
    ...(random.below(10) === 0 && { wireBytes: 1_000 + random.below(15_000) }),
  });
  const split = random.below(20);
  if (split === 0) return splitIntoBytes(hello);
  if (split < 4) return splitIntoRecords(hello, [1 + random.below(100), 1 + random.below(100)]);
  return hello;
}

function drawHeader(random: Random, index: number): Uint8Array {
  const source: ProxyAddress = {
    address: `10.${addressTail(index)}`,
    port: 1 + random.below(65_535),
    family: 4,
  };
  const headers = [
    encodeProxyV1(source, destination),
    encodeProxyV2({ source, destination }),
    encodeProxyV2({ source, destination, tlvs: { crc32c: true, authority: 'shop.example.com' } }),
    Buffer.from('PROXY UNKNOWN\r\n'),
    // LOCAL, as health checks send it.
    Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex'),
  ];
  const header = headers[random.below(headers.length)] ?? new Uint8Array(0);
  if (random.below(4) > 0) return header;
  const other = headers[random.below(headers.length)] ?? header;
  return mutatedHeader(header, other, (bound) => random.below(bound));
}

function drawOpeningCut(random: Random, length: number): Cut | undefined {
  if (random.below(8) > 0) return undefined;
  return { after: 'opening', bytes: random.below(length + 1), how: random.below(2) === 0 ? 'reset' : 'fin' };
}
