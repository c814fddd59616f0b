import ipaddr from 'ipaddr.js';

import { parseIpAddress } from './ip-address.ts';
import { type Cidr, PrefixMap } from './prefix-map.ts';

export type CidrResult =
  | { readonly ok: true; readonly cidr: Cidr }
  | { readonly ok: false; readonly problem: string };

const allowed = 'allowed are an address or a prefix, such as "192.0.2.0/24" or "2001:db8::/32"';

/**
 * A prefix or a bare address. Host bits are masked off (`10.1.2.3/8` is `10.0.0.0/8`), as nginx and HAProxy do.
 * A prefix of IPv4-mapped addresses is the IPv4 prefix; a shorter one, `::/0` too, holds IPv6 addresses only.
 */
export function parseCidr(text: string): CidrResult {
  const slash = text.indexOf('/');
  const addressText = slash === -1 ? text : text.slice(0, slash);
  const address = addressText.includes('%') ? undefined : parseIpAddress(addressText);
  if (address === undefined) return refused(text, 'is not an IP address or prefix');
  const width = addressText.includes(':') ? 128 : 32;
  const lengthText = slash === -1 ? `${width}` : text.slice(slash + 1);
  const length = /^(0|[1-9]\d{0,2})$/.test(lengthText) ? Number(lengthText) : -1;
  if (length === -1 || length > width) {
    return refused(text, `has a prefix length that is not a number from 0 to ${width}`);
  }
  if (address.family === 6) return { ok: true, cidr: cidr6(address.bits, length) };
  if (width === 32) return { ok: true, cidr: cidr4(address.bits, length) };
  if (length >= 96) return { ok: true, cidr: cidr4(address.bits, length - 96) };
  return { ok: true, cidr: cidr6((0xffffn << 32n) | BigInt(address.bits), length) };
}

function refused(text: string, problem: string): CidrResult {
  return { ok: false, problem: `${JSON.stringify(text)} ${problem}; ${allowed}` };
}

function cidr4(bits: number, length: number): Cidr {
  // Shifting by 32 is shifting by 0 in JavaScript.
  const mask = length === 0 ? 0 : 0xffffffff << (32 - length);
  return { family: 4, bits: (bits & mask) >>> 0, length };
}

function cidr6(bits: bigint, length: number): Cidr {
  const hostBits = BigInt(128 - length);
  return { family: 6, bits: (bits >> hostBits) << hostBits, length };
}

/** A prefix that was checked before; throws a TypeError for a text `parseCidr` refuses. */
export function checkedCidr(text: string): Cidr {
  const result = parseCidr(text);
  if (!result.ok) throw new TypeError(result.problem);
  return result.cidr;
}

/** `10.0.0.0/8`, `2001:db8::/32` (RFC 5952). */
export function formatCidr(cidr: Cidr): string {
  const width = cidr.family === 4 ? 32 : 128;
  const bits = BigInt(cidr.bits);
  const bytes = Array.from({ length: width / 8 }, (_, i) =>
    Number((bits >> BigInt(width - 8 - 8 * i)) & 0xffn),
  );
  return `${ipaddr.fromByteArray(bytes).toString()}/${cidr.length}`;
}

/** Address prefixes to look an address up in. */
export class CidrSet {
  readonly #prefixes = new PrefixMap<true>();

  /** Throws a TypeError for a text `parseCidr` refuses. */
  constructor(texts: readonly string[]) {
    for (const text of texts) this.#prefixes.set(checkedCidr(text), true);
  }

  /** False for what is no address. */
  has(address: string): boolean {
    return this.longestMatch(address) !== -1;
  }

  /** The length of the longest prefix that holds the address (an IPv4-mapped one counts as IPv4); -1 for none. */
  longestMatch(address: string): number {
    const parsed = parseIpAddress(address);
    if (parsed === undefined) return -1;
    return this.#prefixes.search(parsed, (_, length) => length) ?? -1;
  }
}
