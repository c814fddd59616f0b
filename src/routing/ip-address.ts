import { isIpv4Mapped, readIpv4, readIpv6 } from '../ip/ip-address.ts';

/** An address as the number it is. An IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) is the IPv4 address. */
export type IpAddress =
  | { readonly family: 4; readonly bits: number }
  | { readonly family: 6; readonly bits: bigint };

const bytes = new Uint8Array(16);
const view = new DataView(bytes.buffer);

/** Undefined for anything but an address: dotted decimal with four parts, or IPv6 (a zone, `%eth0`, is dropped). */
export function parseIpAddress(text: string): IpAddress | undefined {
  if (readIpv4(text, bytes, 0)) return { family: 4, bits: view.getUint32(0) };
  const zone = text.indexOf('%');
  if (!readIpv6(zone === -1 ? text : text.slice(0, zone), bytes, 0)) return undefined;
  if (isIpv4Mapped(bytes, 0)) return { family: 4, bits: view.getUint32(12) };
  return { family: 6, bits: (view.getBigUint64(0) << 64n) | view.getBigUint64(8) };
}
