import { isIPv4, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';

export interface ResolvedAddress {
  /** Canonical text (RFC 5952). */
  readonly address: string;
  readonly family: 4 | 6;
}

/**
 * Canonical form of an address written in any usual way; an IPv4-mapped IPv6 address becomes the IPv4 address it
 * is. Undefined where `text` is none: shorthand (`127.1`), other bases and zone ids are not addresses here.
 */
export function canonicalAddress(text: string): ResolvedAddress | undefined {
  if (isIPv4(text)) {
    return { address: text, family: 4 };
  }
  if (!isIPv6(text) || text.includes('%')) {
    return undefined;
  }
  const address = ipaddr.IPv6.parse(text);
  return address.isIPv4MappedAddress()
    ? { address: address.toIPv4Address().toString(), family: 4 }
    : { address: address.toRFC5952String(), family: 6 };
}
