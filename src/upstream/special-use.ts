import { isIPv4, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';

/**
 * Why a name that a client chose must not lead to `address`; undefined where it may. Refused is whatever is no
 * plain public unicast address: all of IANA's special-purpose registries (as of 2025), multicast, what is not
 * allocated at all, and IPv6 forms that a translator or tunnel on the way would turn into such an IPv4 address.
 */
export function refuseReason(address: string): string | undefined {
  if (isIPv4(address)) {
    return ipv4Reason(ipaddr.IPv4.parse(address));
  }
  if (isIPv6(address) && !address.includes('%')) {
    return ipv6Reason(ipaddr.IPv6.parse(address));
  }
  return 'not an IP address';
}

/** The IANA IPv4 Special-Purpose Address Registry, and multicast; the first match counts. */
const ipv4Ranges = [
  ['0.0.0.0/8', 'this network'],
  ['10.0.0.0/8', 'private'],
  ['100.64.0.0/10', 'shared by carrier-grade NAT'],
  ['127.0.0.0/8', 'loopback'],
  ['169.254.0.0/16', 'link-local'],
  ['172.16.0.0/12', 'private'],
  ['192.0.0.0/24', 'IETF protocol assignment'],
  ['192.0.2.0/24', 'documentation'],
  ['192.31.196.0/24', 'AS112 sink'],
  ['192.52.193.0/24', 'multicast tunnel (AMT)'],
  ['192.88.99.0/24', '6to4 relay'],
  ['192.168.0.0/16', 'private'],
  ['192.175.48.0/24', 'AS112 sink'],
  ['198.18.0.0/15', 'benchmarking'],
  ['198.51.100.0/24', 'documentation'],
  ['203.0.113.0/24', 'documentation'],
  ['224.0.0.0/4', 'multicast'],
  ['255.255.255.255/32', 'broadcast'],
  ['240.0.0.0/4', 'reserved'],
] as const;

/** The IANA IPv6 Special-Purpose Address Registry and what else is not global unicast; the first match counts. */
const ipv6Ranges = [
  ['::/128', 'unspecified'],
  ['::1/128', 'loopback'],
  ['::/96', 'IPv4-compatible'],
  ['::ffff:0:0/96', 'IPv4-mapped'],
  ['::ffff:0:0:0/96', 'IPv4-translated'],
  ['64:ff9b:1::/48', 'local NAT64'],
  ['100::/64', 'discard-only'],
  ['100:0:0:1::/64', 'dummy prefix'],
  ['2001::/32', 'Teredo'],
  ['2001:2::/48', 'benchmarking'],
  ['2001:3::/32', 'multicast tunnel (AMT)'],
  ['2001:4:112::/48', 'AS112 sink'],
  ['2001:10::/28', 'ORCHID'],
  ['2001:20::/28', 'ORCHIDv2'],
  ['2001:30::/28', 'drone remote identification'],
  ['2001::/23', 'IETF protocol assignment'],
  ['2001:db8::/32', 'documentation'],
  ['2620:4f:8000::/48', 'AS112 sink'],
  ['3fff::/20', 'documentation'],
  ['5f00::/16', 'segment routing'],
  ['fc00::/7', 'private (unique local)'],
  ['fe80::/10', 'link-local'],
  ['fec0::/10', 'site-local'],
  ['ff00::/8', 'multicast'],
] as const;

/** All that IANA gives out as global unicast. */
const globalUnicast = ipaddr.IPv6.parseCIDR('2000::/3');

const ipv4Special = ipv4Ranges.map(([range, reason]) => ({ range: ipaddr.IPv4.parseCIDR(range), reason }));
const ipv6Special = ipv6Ranges.map(([range, reason]) => ({ range: ipaddr.IPv6.parseCIDR(range), reason }));

/** Prefixes whose addresses carry an IPv4 address, at this byte, which is where a packet to them ends up. */
const embeddings = [
  { range: ipaddr.IPv6.parseCIDR('64:ff9b::/96'), byte: 12, name: 'NAT64' },
  { range: ipaddr.IPv6.parseCIDR('2002::/16'), byte: 2, name: '6to4' },
];

function ipv4Reason(address: ipaddr.IPv4): string | undefined {
  return ipv4Special.find(({ range }) => address.match(range))?.reason;
}

function ipv6Reason(address: ipaddr.IPv6): string | undefined {
  const special = ipv6Special.find(({ range }) => address.match(range));
  if (special !== undefined) {
    return special.reason;
  }
  const embedding = embeddings.find(({ range }) => address.match(range));
  if (embedding !== undefined) {
    return embeddedReason(address, embedding.byte, embedding.name);
  }
  if (!address.match(globalUnicast)) {
    return 'not global unicast';
  }
  return isIsatap(address) ? embeddedReason(address, 12, 'ISATAP') : undefined;
}

function embeddedReason(address: ipaddr.IPv6, byte: number, name: string): string | undefined {
  const embedded = new ipaddr.IPv4(address.toByteArray().slice(byte, byte + 4));
  const reason = ipv4Reason(embedded);
  return reason && `${name} of ${embedded.toString()}: ${reason}`;
}

/** RFC 5214 section 6.1: the interface identifier is 0000:5efe or 0200:5efe and an IPv4 address. */
function isIsatap(address: ipaddr.IPv6): boolean {
  const [, , , , universal = 0, isatap] = address.parts;
  return (universal & 0xfdff) === 0 && isatap === 0x5efe;
}
