/** An endpoint of the original connection, in the same shape as the data plane's `SocketAddress`. */
export interface ProxyAddress {
  /** Canonical text, never bracketed; an IPv4-mapped IPv6 address appears as the IPv4 address it is. */
  readonly address: string;
  readonly port: number;
  readonly family: 4 | 6;
}

/** One type-length-value of a version 2 header; `value` is a view of the decoded input. */
export interface ProxyTlv {
  readonly type: number;
  readonly value: Uint8Array;
}

export type DecodedProxyHeader = IncompleteProxyHeader | MalformedProxyHeader | ProxyHeader;

export interface IncompleteProxyHeader {
  readonly kind: 'incomplete';
  /** How many input bytes there must be before another decode can tell more. */
  readonly neededBytes: number;
}

export interface MalformedProxyHeader {
  readonly kind: 'malformed';
  readonly reason: MalformedProxyHeaderReason;
}

export interface ProxyHeader {
  readonly kind: 'header';
  /** The header's length: what follows is the client's first byte. */
  readonly bytes: number;
  readonly version: 1 | 2;
  /** Both addresses, or undefined where the header has none to use and the socket's own stand. */
  readonly source: ProxyAddress | undefined;
  readonly destination: ProxyAddress | undefined;
  /** In the order sent, the checksum and padding included; empty in version 1. */
  readonly tlvs: readonly ProxyTlv[];
}

export type MalformedProxyHeaderReason = (typeof malformedProxyHeaderReasons)[number];

/** In the order of `MalformedProxyHeader` in native/proxy_header.h. */
export const malformedProxyHeaderReasons = [
  /** Starts neither like version 1 nor like version 2. */
  'not_a_header',
  /** Version 1: no CRLF within 107 bytes. */
  'line_too_long',
  /** Version 1: a CR or an LF alone. */
  'line_ending',
  /** Version 1: not TCP4, TCP6 or UNKNOWN. */
  'transport',
  /** Version 1: not two addresses and two ports, one space before each. */
  'fields',
  /** Version 1: an address that is not one of the announced family. */
  'address',
  /** Version 1: a port that is not 0 to 65535 in decimal without leading zeros. */
  'port',
  /** Version 2: the version is not 2, or the command neither LOCAL nor PROXY. */
  'command',
  /** Version 2: an address family or transport protocol that is not assigned. */
  'family',
  /** Version 2: shorter than its family's addresses. */
  'length',
  /** Version 2: the TLVs do not end where the header does, or the checksum's is not one of 4 bytes. */
  'tlvs',
  /** Version 2: the checksum is wrong. */
  'crc32c',
] as const;

/** The types this project knows (specification section 2.2); `ja4` is its own, of the application range. */
export const proxyTlvType = {
  alpn: 0x01,
  authority: 0x02,
  crc32c: 0x03,
  uniqueId: 0x05,
  ja4: 0xe0,
} as const;

export const proxySignatureV1 = bytesOf('PROXY ');
export const proxySignatureV2 = bytesOf('\r\n\r\n\0\r\nQUIT\n');

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Version 2: signature, version and command, family and transport, length. */
export const proxyFixedBytesV2 = 16;

/** Version 2: what the two addresses and ports take. */
export const proxyAddressBytesV2 = { ipv4: 12, ipv6: 36, unix: 216 } as const;
