import { type DecodedPacket, decode, encode, RECURSION_DESIRED } from 'dns-packet';
import { readAnswer } from './dns-answer.ts';
import { type DnsQuestion, normalName } from './dns-record.ts';
import type { DnsReply } from './dns-reply.ts';

/** A question as it is sent to one server. */
export interface DnsQuery {
  /** Random: with the random source port it is all that keeps strangers from answering. */
  readonly id: number;
  readonly question: DnsQuestion;
  /** Whether to offer EDNS (RFC 6891): larger answers over UDP. */
  readonly edns: boolean;
}

/** What fits an IPv6 packet of the least MTU, so that no answer is fragmented (DNS flag day 2020). */
const udpPayloadBytes = 1232;

const truncatedFlag = 0x0200;
const responseFlag = 0x8000;

export function encodeQuery(query: DnsQuery): Buffer {
  return encode({
    type: 'query',
    id: query.id,
    flags: RECURSION_DESIRED,
    questions: [{ name: query.question.name, type: query.question.type, class: 'IN' }],
    additionals: query.edns
      ? [
          {
            type: 'OPT',
            name: '.',
            udpPayloadSize: udpPayloadBytes,
            extendedRcode: 0,
            ednsVersion: 0,
            flags: 0,
            flag_do: false,
            options: [],
          },
        ]
      : [],
  });
}

/** Total: any bytes, any length. */
export function decodeReply(bytes: Buffer, query: DnsQuery): DnsReply {
  if (bytes.length < 12 || bytes.readUInt16BE(0) !== query.id) {
    return { kind: 'foreign' };
  }
  const flags = bytes.readUInt16BE(2);
  if ((flags & responseFlag) === 0) {
    return { kind: 'foreign' };
  }
  if ((flags & truncatedFlag) !== 0) {
    return { kind: 'truncated' };
  }
  const packet = decodePacket(bytes);
  if (packet === undefined) {
    return { kind: 'failed', code: 'EBADRESP', why: 'the answer is malformed' };
  }
  return answers(packet, query.question) ? readPacket(packet, query.question) : { kind: 'foreign' };
}

function decodePacket(bytes: Buffer): DecodedPacket | undefined {
  try {
    return decode(bytes);
  } catch {
    return undefined;
  }
}

/** A server that could not even read the question may leave it out. */
function answers(packet: DecodedPacket, question: DnsQuestion): boolean {
  const [echoed, ...others] = packet.questions ?? [];
  if (echoed === undefined) {
    return responseCode(packet) !== 0;
  }
  return (
    others.length === 0 &&
    echoed.type === question.type &&
    echoed.class === 'IN' &&
    normalName(echoed.name) === question.name
  );
}

function readPacket(packet: DecodedPacket, question: DnsQuestion): DnsReply {
  const code = responseCode(packet);
  const failure = responseFailures.get(code);
  if (failure !== undefined) {
    return { kind: 'failed', ...failure };
  }
  if (code !== 0 && code !== nameError) {
    return { kind: 'failed', code: 'EBADRESP', why: `the server answered with response code ${code}` };
  }
  return readAnswer(packet, question, code === nameError);
}

const nameError = 3;

/** Response codes that say nothing about the name (RFC 1035 section 4.1.1, RFC 6891 section 9). */
const responseFailures: ReadonlyMap<number, { readonly code: string; readonly why: string }> = new Map([
  [1, { code: 'EFORMERR', why: 'the server cannot read the query (FORMERR)' }],
  [2, { code: 'ESERVFAIL', why: 'the server failed (SERVFAIL)' }],
  [4, { code: 'ENOTIMP', why: 'the server does not do such queries (NOTIMP)' }],
  [5, { code: 'EREFUSED', why: 'the server refuses to answer (REFUSED)' }],
  [16, { code: 'EFORMERR', why: 'the server does not know this EDNS version (BADVERS)' }],
]);

/** The header's 4 bits and, from the OPT record, the 8 above them. */
function responseCode(packet: DecodedPacket): number {
  const opt = packet.additionals?.find((record) => record.type === 'OPT');
  return ((opt?.extendedRcode ?? 0) << 4) | ((packet.flags ?? 0) & 0xf);
}
