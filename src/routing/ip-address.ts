import ipaddr from 'ipaddr.js';

/** An address as the number it is. An IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) is the IPv4 address. */
export type IpAddress =
  | { readonly family: 4; readonly bits: number }
  | { readonly family: 6; readonly bits: bigint };

/** Undefined for anything but an address: dotted decimal with four parts, or IPv6 (a zone, `%eth0`, is dropped). */
export function parseIpAddress(text: string): IpAddress | undefined {
  const bits = parseIpv4(text);
  if (bits !== undefined) return { family: 4, bits };
  if (!ipaddr.IPv6.isValid(text)) return undefined;
  let wide = 0n;
  for (const part of ipaddr.IPv6.parse(text).parts) wide = (wide << 16n) | BigInt(part);
  return wide >> 32n === 0xffffn
    ? { family: 4, bits: Number(wide & 0xffffffffn) }
    : { family: 6, bits: wide };
}

/** Strict: no leading zeros (octal to some), no short forms. */
function parseIpv4(text: string): number | undefined {
  if (text.length > 15) return undefined;
  let bits = 0;
  let parts = 0;
  let part = -1;
  for (let i = 0; i <= text.length; i++) {
    const code = i === text.length ? 0x2e : text.charCodeAt(i);
    if (code === 0x2e) {
      if (part === -1 || parts === 4) return undefined;
      bits = bits * 256 + part;
      parts++;
      part = -1;
    } else {
      if (code < 0x30 || code > 0x39 || part === 0) return undefined;
      part = (part === -1 ? 0 : part * 10) + code - 0x30;
      if (part > 255) return undefined;
    }
  }
  return parts === 4 ? bits : undefined;
}
