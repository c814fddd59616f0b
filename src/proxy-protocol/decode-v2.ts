import { formatIpv4, formatIpv6, isIpv4Mapped } from '../ip/ip-address.ts';
import { crc32c } from './crc32c.ts';
import {
  type DecodedProxyHeader,
  type MalformedProxyHeader,
  type MalformedProxyHeaderReason,
  type ProxyAddress,
  type ProxyTlv,
  proxyAddressBytesV2,
  proxyFixedBytesV2,
  proxySignatureV2,
  proxyTlvType,
} from './proxy-header.ts';

const versionAt = proxySignatureV2.length;
const familyAt = versionAt + 1;
const lengthAt = familyAt + 1;

const localCommand = 0;
const proxyCommand = 1;

const unspecified = 0;
const inet = 1;
const unix = 3;
const stream = 1;
const datagram = 2;

/** By address family: unspecified, IPv4, IPv6, UNIX. */
const addressBytesOf = [0, proxyAddressBytesV2.ipv4, proxyAddressBytesV2.ipv6, proxyAddressBytesV2.unix];

/**
 * Decodes a version 2 header whose signature is there. Addresses are taken of TCP over IPv4 and IPv6; the other
 * valid kinds keep the socket's. A LOCAL header must be accepted whatever its family and contents, and an
 * unspecified one may have any contents (specification section 2.2): their TLVs count only when they add up.
 */
export function decodeProxyV2(input: Uint8Array): DecodedProxyHeader {
  const versionAndCommand = input[versionAt];
  if (versionAndCommand === undefined) return { kind: 'incomplete', neededBytes: familyAt };
  const command = versionAndCommand & 0x0f;
  if (versionAndCommand >> 4 !== 2 || command > proxyCommand) return malformed('command');
  const familyAndTransport = input[familyAt];
  if (familyAndTransport === undefined) return { kind: 'incomplete', neededBytes: lengthAt };
  const family = familyAndTransport >> 4;
  const transport = familyAndTransport & 0x0f;
  if (command === proxyCommand && (family > unix || transport > datagram)) return malformed('family');
  if (input.length < proxyFixedBytesV2) return { kind: 'incomplete', neededBytes: proxyFixedBytesV2 };

  const bytes = proxyFixedBytesV2 + uint16(input, lengthAt);
  const tlvsAt = proxyFixedBytesV2 + (addressBytesOf[family] ?? 0);
  const isOpaque = command === localCommand || family === unspecified || transport === unspecified;
  if (!isOpaque && tlvsAt > bytes) return malformed('length');
  if (input.length < bytes) return { kind: 'incomplete', neededBytes: bytes };
  const tlvs = decodeTlvs(input, tlvsAt, bytes);
  if (tlvs === undefined && !isOpaque) return malformed('tlvs');
  if (tlvs !== undefined && !hasRightChecksum(input, bytes, tlvs)) return malformed('crc32c');

  let source: ProxyAddress | undefined;
  let destination: ProxyAddress | undefined;
  if (!isOpaque && transport === stream && family !== unix) {
    const addressBytes = family === inet ? 4 : 16;
    const portsAt = proxyFixedBytesV2 + 2 * addressBytes;
    source = decodeAddress(input, proxyFixedBytesV2, addressBytes, portsAt);
    destination = decodeAddress(input, proxyFixedBytesV2 + addressBytes, addressBytes, portsAt + 2);
  }
  return { kind: 'header', bytes, version: 2, source, destination, tlvs: tlvs ?? [] };
}

/** The TLVs between the two places; undefined when they do not end there or there is no making sense of the checksum's. */
function decodeTlvs(input: Uint8Array, start: number, end: number): readonly ProxyTlv[] | undefined {
  const tlvs: ProxyTlv[] = [];
  let hasChecksum = false;
  let at = start;
  while (at + 3 <= end) {
    const type = input[at] ?? 0;
    const valueAt = at + 3;
    const length = uint16(input, at + 1);
    if (valueAt + length > end) return undefined;
    if (type === proxyTlvType.crc32c) {
      if (length !== 4 || hasChecksum) return undefined;
      hasChecksum = true;
    }
    tlvs.push({ type, value: input.subarray(valueAt, valueAt + length) });
    at = valueAt + length;
  }
  return at === end ? tlvs : undefined;
}

/** Whether the checksum, where there is one, is that of the whole header with the checksum's own 4 bytes zero. */
function hasRightChecksum(input: Uint8Array, bytes: number, tlvs: readonly ProxyTlv[]): boolean {
  const checksum = tlvs.find((tlv) => tlv.type === proxyTlvType.crc32c)?.value;
  if (checksum === undefined) return true;
  const at = checksum.byteOffset - input.byteOffset;
  const before = crc32c(input, 0, at);
  const withZeros = crc32c(new Uint8Array(4), 0, 4, before);
  return crc32c(input, at + 4, bytes, withZeros) === uint16(checksum, 0) * 0x10000 + uint16(checksum, 2);
}

function decodeAddress(input: Uint8Array, at: number, addressBytes: 4 | 16, portAt: number): ProxyAddress {
  const port = uint16(input, portAt);
  if (addressBytes === 4) return { address: formatIpv4(input, at), port, family: 4 };
  if (isIpv4Mapped(input, at)) return { address: formatIpv4(input, at + 12), port, family: 4 };
  return { address: formatIpv6(input, at), port, family: 6 };
}

function uint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

function malformed(reason: MalformedProxyHeaderReason): MalformedProxyHeader {
  return { kind: 'malformed', reason };
}
