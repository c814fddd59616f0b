import type { Answer, DecodedPacket } from 'dns-packet';
import { canonicalAddress } from './canonical-address.ts';
import {
  type AddressRecord,
  type DnsQuestion,
  type DnsRecord,
  normalName,
  type RecordType,
  type ServiceRecord,
} from './dns-record.ts';
import type { DnsReply } from './dns-reply.ts';

/** Reads the sections of an answer that is known to be one, whose response code was NOERROR or NXDOMAIN. */
export function readAnswer(packet: DecodedPacket, question: DnsQuestion, nameIsUnknown: boolean): DnsReply {
  const answers = packet.answers ?? [];
  const chain = followAliases(answers, question.name);
  if (chain === undefined) {
    return { kind: 'failed', code: 'EBADRESP', why: 'the aliases (CNAME) go in a circle' };
  }
  const found = answers.flatMap((answer) => findRecord(answer, chain.name, question.type));
  if (found.length === 0) {
    return nothingFound(packet, question, chain, nameIsUnknown);
  }
  const additional = question.type === 'SRV' ? additionalAddresses(packet) : [];
  return {
    kind: 'records',
    records: found.map((entry) => entry.record),
    additional: additional.map((entry) => entry.record),
    ttlSeconds: Math.min(chain.ttlSeconds, ...[...found, ...additional].map((entry) => entry.ttlSeconds)),
  };
}

interface Found<R> {
  readonly record: R;
  readonly ttlSeconds: number;
}

interface AliasChain {
  /** The name that the aliases lead to. */
  readonly name: string;
  /** The least of the aliases' TTLs; infinite where there are none. */
  readonly ttlSeconds: number;
}

/** Records may come in any order (RFC 1034 section 3.6.2 promises none). Undefined for a circle. */
function followAliases(answers: readonly Answer[], name: string): AliasChain | undefined {
  const aliases = new Map(
    answers.flatMap((answer) =>
      answer.type === 'CNAME' ? [[normalName(answer.name), answer] as const] : [],
    ),
  );
  const seen = new Set<string>();
  let chain: AliasChain = { name, ttlSeconds: Number.POSITIVE_INFINITY };
  for (let alias = aliases.get(name); alias !== undefined; alias = aliases.get(chain.name)) {
    if (seen.has(chain.name)) {
      return undefined;
    }
    seen.add(chain.name);
    chain = { name: normalName(alias.data), ttlSeconds: Math.min(chain.ttlSeconds, ttlOf(alias)) };
  }
  return chain;
}

function nothingFound(
  packet: DecodedPacket,
  question: DnsQuestion,
  chain: AliasChain,
  nameIsUnknown: boolean,
): DnsReply {
  const soa = packet.authorities?.find((record) => record.type === 'SOA');
  if (nameIsUnknown || soa !== undefined) {
    // RFC 2308 section 5: what is missing is so for the SOA record's TTL or its MINIMUM, whichever is less.
    const ttlSeconds = soa && Math.min(chain.ttlSeconds, ttlOf(soa), soa.data.minimum ?? 0);
    return { kind: 'none', code: nameIsUnknown ? 'ENOTFOUND' : 'ENODATA', ttlSeconds };
  }
  if (chain.name !== question.name) {
    return { kind: 'alias', target: chain.name, ttlSeconds: chain.ttlSeconds };
  }
  if (!packet.flag_aa && packet.authorities?.some((record) => record.type === 'NS')) {
    return { kind: 'failed', code: 'ESERVFAIL', why: 'the server only refers to others' };
  }
  return { kind: 'none', code: 'ENODATA', ttlSeconds: undefined };
}

function additionalAddresses(packet: DecodedPacket): Found<AddressRecord>[] {
  return (packet.additionals ?? []).flatMap((answer) => {
    const record = toAddressRecord(answer);
    return record === undefined ? [] : [{ record, ttlSeconds: ttlOf(answer) }];
  });
}

function findRecord(answer: Answer, name: string, type: RecordType): Found<DnsRecord>[] {
  if (answer.type !== type || normalName(answer.name) !== name) {
    return [];
  }
  const record = type === 'SRV' ? toServiceRecord(answer) : toAddressRecord(answer);
  return record === undefined ? [] : [{ record, ttlSeconds: ttlOf(answer) }];
}

function toAddressRecord(answer: Answer): AddressRecord | undefined {
  if ((answer.type !== 'A' && answer.type !== 'AAAA') || answer.class !== 'IN') {
    return undefined;
  }
  const canonical = canonicalAddress(answer.data);
  return canonical && { type: answer.type, name: normalName(answer.name), address: canonical.address };
}

function toServiceRecord(answer: Answer): ServiceRecord | undefined {
  if (answer.type !== 'SRV' || answer.class !== 'IN') {
    return undefined;
  }
  const { priority = 0, weight = 0, port, target } = answer.data;
  return { type: 'SRV', name: normalName(answer.name), priority, weight, port, target: normalName(target) };
}

/** RFC 2181 section 8: a TTL with its highest bit set counts as 0. */
function ttlOf(answer: Answer): number {
  const seconds = answer.type === 'OPT' ? undefined : answer.ttl;
  return seconds === undefined || seconds >= 2 ** 31 ? 0 : seconds;
}
