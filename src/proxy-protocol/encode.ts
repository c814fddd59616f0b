import { readIpv4, readIpv6 } from '../ip/ip-address.ts';
import { crc32c } from './crc32c.ts';
import {
  type ProxyAddress,
  proxyAddressBytesV2,
  proxyFixedBytesV2,
  proxySignatureV2,
  proxyTlvType,
} from './proxy-header.ts';

/** What a version 2 header may say beside the addresses. Texts are one character a byte. */
export interface ProxyTlvs {
  /** The server name as sent. Left out past 255 bytes: no host name is that long, and HAProxy refuses the connection. */
  readonly authority?: string | undefined;
  /** The first protocol offered. */
  readonly alpn?: string | undefined;
  /** At most 128 bytes. */
  readonly uniqueId?: string | undefined;
  readonly ja4?: string | undefined;
  /** Whether the header carries its checksum. */
  readonly crc32c?: boolean | undefined;
}

export interface ProxyV2 {
  readonly source: ProxyAddress;
  readonly destination: ProxyAddress;
  readonly tlvs?: ProxyTlvs | undefined;
}

const maxAuthorityBytes = 255;
const maxUniqueIdBytes = 128;

/**
 * A version 1 header. Where one address is IPv4 and the other IPv6, the IPv4 one is sent IPv4-mapped and the header
 * says TCP6, in both versions: what HAProxy does, and what dual-stack receivers undo.
 */
export function encodeProxyV1(source: ProxyAddress, destination: ProxyAddress): Uint8Array {
  const ports = `${source.port} ${destination.port}\r\n`;
  if (source.family === 4 && destination.family === 4) {
    return Buffer.from(`PROXY TCP4 ${source.address} ${destination.address} ${ports}`, 'latin1');
  }
  return Buffer.from(`PROXY TCP6 ${ipv6Text(source)} ${ipv6Text(destination)} ${ports}`, 'latin1');
}

function ipv6Text({ address, family }: ProxyAddress): string {
  return family === 4 ? `::ffff:${address}` : withoutZone(address);
}

/** Node.js names the interface of a link-local peer (`fe80::1%eth0`); it means nothing elsewhere, so it is not sent. */
function withoutZone(address: string): string {
  const zone = address.indexOf('%');
  return zone < 0 ? address : address.slice(0, zone);
}

/** A version 2 PROXY header for TCP. Throws for an address or a unique-id that cannot be sent: a caller's mistake. */
export function encodeProxyV2({ source, destination, tlvs = {} }: ProxyV2): Uint8Array {
  const isIpv4 = source.family === 4 && destination.family === 4;
  const { alpn, uniqueId, ja4 } = tlvs;
  const authority = (tlvs.authority?.length ?? 0) > maxAuthorityBytes ? undefined : tlvs.authority;
  if ((uniqueId?.length ?? 0) > maxUniqueIdBytes) throw new RangeError('unique-id is longer than 128 bytes');
  const tlvsAt = proxyFixedBytesV2 + (isIpv4 ? proxyAddressBytesV2.ipv4 : proxyAddressBytesV2.ipv6);
  const checksumBytes = tlvs.crc32c ? 7 : 0;
  const textBytes = tlvBytes(alpn) + tlvBytes(authority) + tlvBytes(uniqueId) + tlvBytes(ja4);
  const header = Buffer.allocUnsafe(tlvsAt + textBytes + checksumBytes);

  header.set(proxySignatureV2);
  header[12] = 0x21;
  header[13] = isIpv4 ? 0x11 : 0x21;
  header.writeUInt16BE(header.length - proxyFixedBytesV2, 14);
  writeAddresses(header, source, destination, isIpv4);
  let at = writeTlv(header, tlvsAt, proxyTlvType.alpn, alpn);
  at = writeTlv(header, at, proxyTlvType.authority, authority);
  at = writeTlv(header, at, proxyTlvType.uniqueId, uniqueId);
  at = writeTlv(header, at, proxyTlvType.ja4, ja4);
  if (tlvs.crc32c) writeChecksum(header, at);
  return header;
}

function writeAddresses(
  header: Buffer,
  source: ProxyAddress,
  destination: ProxyAddress,
  isIpv4: boolean,
): void {
  const length = isIpv4 ? 4 : 16;
  const portsAt = proxyFixedBytesV2 + 2 * length;
  writeAddress(header, proxyFixedBytesV2, source, isIpv4);
  writeAddress(header, proxyFixedBytesV2 + length, destination, isIpv4);
  header.writeUInt16BE(source.port, portsAt);
  header.writeUInt16BE(destination.port, portsAt + 2);
}

function writeAddress(header: Buffer, at: number, { address, family }: ProxyAddress, isIpv4: boolean): void {
  let written: boolean;
  if (family === 6) {
    written = readIpv6(withoutZone(address), header, at);
  } else if (isIpv4) {
    written = readIpv4(address, header, at);
  } else {
    header.fill(0, at, at + 10).fill(0xff, at + 10, at + 12);
    written = readIpv4(address, header, at + 12);
  }
  if (!written) throw new TypeError(`not an IPv${family} address: ${address}`);
}

function tlvBytes(text: string | undefined): number {
  return text === undefined ? 0 : 3 + text.length;
}

/** Returns where the next one goes. */
function writeTlv(header: Buffer, at: number, type: number, text: string | undefined): number {
  if (text === undefined) return at;
  header[at] = type;
  header.writeUInt16BE(text.length, at + 1);
  header.write(text, at + 3, 'latin1');
  return at + 3 + text.length;
}

/** The checksum goes last and covers the whole header, its own 4 bytes being zero. */
function writeChecksum(header: Buffer, at: number): void {
  header[at] = proxyTlvType.crc32c;
  header.writeUInt16BE(4, at + 1);
  header.writeUInt32BE(0, at + 3);
  header.writeUInt32BE(crc32c(header), at + 3);
}
