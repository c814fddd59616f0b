import { crc32c } from '../../src/proxy-protocol/crc32c.ts';
import type { MalformedProxyHeaderReason, ProxyAddress } from '../../src/proxy-protocol/proxy-header.ts';

/** A header put together byte by byte, without the encoder, and what becomes of it. */
export interface Example {
  readonly name: string;
  /** Of a malformed one no more than it takes to see that. */
  readonly bytes: Uint8Array;
  /** `keep`: a header after which the socket's own addresses stand. */
  readonly becomes:
    | 'keep'
    | { readonly source: ProxyAddress; readonly destination: ProxyAddress }
    | MalformedProxyHeaderReason;
}

const ipv4: ProxyAddress = { address: '203.0.113.7', port: 51234, family: 4 };
const ipv4Local: ProxyAddress = { address: '198.51.100.1', port: 443, family: 4 };
const ipv6: ProxyAddress = { address: '2001:db8::7', port: 51234, family: 6 };
const ipv6Local: ProxyAddress = { address: '2001:db8::1', port: 443, family: 6 };

const viaIpv4 = { source: ipv4, destination: ipv4Local };
const viaIpv6 = { source: ipv6, destination: ipv6Local };

const signatureV2 = '0d0a0d0a000d0a515549540a';
const ipv4Block = 'cb007107 c6336401 c822 01bb';
const ipv6Block = '20010db8000000000000000000000007 20010db8000000000000000000000001 c822 01bb';
const mixedBlock = '00000000000000000000ffffcb007107 20010db8000000000000000000000001 c822 01bb';
const unixBlock = `${'2f'.padEnd(216, '0')}${'2e'.padEnd(216, '0')}`;

function line(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

/** A version 2 header from its 13th and 14th byte and what follows the length. */
function v2(versionAndCommand: number, familyAndTransport: number, block: string): Buffer {
  const rest = hex(block);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(rest.length);
  return Buffer.concat([hex(signatureV2), Buffer.of(versionAndCommand, familyAndTransport), length, rest]);
}

/** The same with its checksum as the last TLV. */
function withChecksum(versionAndCommand: number, familyAndTransport: number, block: string): Buffer {
  const header = v2(versionAndCommand, familyAndTransport, `${block} 030004 00000000`);
  header.writeUInt32BE(crc32c(header), header.length - 4);
  return header;
}

/** The last bit of the header is the other way round. */
function spoiled(header: Buffer): Buffer {
  return Buffer.concat([header.subarray(0, -1), Buffer.of((header.at(-1) ?? 0) ^ 1)]);
}

const versionOne: readonly Example[] = [
  {
    name: 'TCP4',
    bytes: line('PROXY TCP4 203.0.113.7 198.51.100.1 51234 443\r\n'),
    becomes: viaIpv4,
  },
  {
    name: 'TCP4 at its longest',
    bytes: line('PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n'),
    becomes: {
      source: { address: '255.255.255.255', port: 65535, family: 4 },
      destination: { address: '255.255.255.255', port: 65535, family: 4 },
    },
  },
  {
    name: 'TCP4 of zeros',
    bytes: line('PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n'),
    becomes: {
      source: { address: '0.0.0.0', port: 0, family: 4 },
      destination: { address: '0.0.0.0', port: 0, family: 4 },
    },
  },
  {
    name: 'TCP6',
    bytes: line('PROXY TCP6 2001:db8::7 2001:db8::1 51234 443\r\n'),
    becomes: viaIpv6,
  },
  {
    name: 'TCP6 in long form and upper case',
    bytes: line('PROXY TCP6 2001:0DB8:0000:0000:0000:0000:0000:0007 2001:DB8:0:0:0:0:0:1 51234 443\r\n'),
    becomes: viaIpv6,
  },
  {
    name: 'TCP6 with an IPv4-mapped source',
    bytes: line('PROXY TCP6 ::ffff:203.0.113.7 2001:db8::1 51234 443\r\n'),
    becomes: { source: ipv4, destination: ipv6Local },
  },
  { name: 'UNKNOWN, short', bytes: line('PROXY UNKNOWN\r\n'), becomes: 'keep' },
  {
    name: 'UNKNOWN at its longest',
    bytes: line(
      `PROXY UNKNOWN ${'ffff:'.repeat(8).slice(0, -1)} ${'ffff:'.repeat(8).slice(0, -1)} 65535 65535\r\n`,
    ),
    becomes: 'keep',
  },
  { name: 'UNKNOWN with anything after it', bytes: line('PROXY UNKNOWN  \0\xff TCP4\r\n'), becomes: 'keep' },
  { name: 'an HTTP request', bytes: line('GET / HTTP/1.1\r\n'), becomes: 'not_a_header' },
  { name: 'a TLS record', bytes: hex('1603010200'), becomes: 'not_a_header' },
  { name: 'lower case', bytes: line('proxy TCP4 '), becomes: 'not_a_header' },
  { name: 'a tab after PROXY', bytes: line('PROXY\tTCP4 '), becomes: 'not_a_header' },
  { name: 'two spaces after PROXY', bytes: line('PROXY  '), becomes: 'transport' },
  { name: 'UDP4', bytes: line('PROXY UDP4'), becomes: 'transport' },
  { name: 'a longer word', bytes: line('PROXY UNKNOWNS\r\n'), becomes: 'transport' },
  { name: 'a shorter word', bytes: line('PROXY TCP 1.2.3.4'), becomes: 'transport' },
  { name: 'no word', bytes: line('PROXY \r\n'), becomes: 'transport' },
  {
    name: 'a line of 108 bytes',
    bytes: line(`PROXY UNKNOWN ${'x'.repeat(92)}\r\n`),
    becomes: 'line_too_long',
  },
  { name: 'a line without end', bytes: line(`PROXY UNKNOWN ${'x'.repeat(200)}`), becomes: 'line_too_long' },
  { name: 'LF alone', bytes: line('PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n'), becomes: 'line_ending' },
  { name: 'CR alone', bytes: line('PROXY TCP4 1.2.3.4 5.6.7.8 1 2\rX'), becomes: 'line_ending' },
  { name: 'UNKNOWN with an LF in it', bytes: line('PROXY UNKNOWN a\nb\r\n'), becomes: 'line_ending' },
  { name: 'the word alone', bytes: line('PROXY TCP4\r\n'), becomes: 'fields' },
  { name: 'one port missing', bytes: line('PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n'), becomes: 'fields' },
  { name: 'one port too many', bytes: line('PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n'), becomes: 'fields' },
  { name: 'two spaces', bytes: line('PROXY TCP4 1.2.3.4  5.6.7.8 1 2\r\n'), becomes: 'fields' },
  { name: 'a space at the end', bytes: line('PROXY TCP4 1.2.3.4 5.6.7.8 1 2 \r\n'), becomes: 'fields' },
  ...[
    ['TCP4', '256.0.0.1'],
    ['TCP4', '01.2.3.4'],
    ['TCP4', '1.2.3'],
    ['TCP4', '1.2.3.4.5'],
    ['TCP4', '1.2.3.4\0'],
    ['TCP4', '0x1.2.3.4'],
    ['TCP4', '::1'],
    ['TCP4', ''.padEnd(50, '1')],
    ['TCP6', '1.2.3.4'],
    ['TCP6', '::1%lo'],
    ['TCP6', '[::1]'],
    ['TCP6', '1::2::3'],
    ['TCP6', ':::'],
    ['TCP6', ':1:2:3:4:5:6:7'],
    ['TCP6', '1:2:3:4:5:6:7:'],
    ['TCP6', '1:2:3:4:5:6:7'],
    ['TCP6', '1:2:3:4::5:6:7:8'],
    ['TCP6', '1:2:3:4:5:6:7:8:9'],
    ['TCP6', '12345::'],
    ['TCP6', '::g'],
    ['TCP6', '1:2:3:4:5:6:7:1.2.3.4'],
    ['TCP6', '::1.2.3.4:5'],
    ['TCP6', '::1\0'],
  ].map(([transport = '', address = '']): Example => {
    const other = transport === 'TCP4' ? '5.6.7.8' : '::1';
    return {
      name: `${transport} with the address ${JSON.stringify(address)}`,
      bytes: line(`PROXY ${transport} ${other} ${address} 1 2\r\n`),
      becomes: 'address',
    };
  }),
  ...['00', '01', '65536', '99999', '100000', '-1', '+1', '1.', 'a', '0x1', '1\0'].map(
    (port): Example => ({
      name: `the port ${JSON.stringify(port)}`,
      bytes: line(`PROXY TCP4 1.2.3.4 5.6.7.8 1 ${port}\r\n`),
      becomes: 'port',
    }),
  ),
];

const ssl = '200013 07 00000000 210007 544c5376312e33 220001 41';

const versionTwo: readonly Example[] = [
  { name: 'TCP over IPv4', bytes: v2(0x21, 0x11, ipv4Block), becomes: viaIpv4 },
  { name: 'TCP over IPv6', bytes: v2(0x21, 0x21, ipv6Block), becomes: viaIpv6 },
  {
    name: 'an IPv4-mapped source',
    bytes: v2(0x21, 0x21, mixedBlock),
    becomes: { source: ipv4, destination: ipv6Local },
  },
  { name: 'a TLV', bytes: v2(0x21, 0x11, `${ipv4Block} 010002 6832`), becomes: viaIpv4 },
  {
    name: 'TLVs unknown, empty, nested, reserved and of padding',
    bytes: v2(0x21, 0x21, `${ipv6Block} 060001ff ee0000 ${ssl} 040003000000 ff000100`),
    becomes: viaIpv6,
  },
  { name: 'a checksum', bytes: withChecksum(0x21, 0x11, ipv4Block), becomes: viaIpv4 },
  { name: 'a checksum after TLVs', bytes: withChecksum(0x21, 0x21, `${ipv6Block} ${ssl}`), becomes: viaIpv6 },
  {
    name: 'the longest header',
    bytes: v2(0x21, 0x11, `${ipv4Block} 04fff0 ${'00'.repeat(0xfff0)}`),
    becomes: viaIpv4,
  },
  { name: 'UDP over IPv4', bytes: v2(0x21, 0x12, ipv4Block), becomes: 'keep' },
  { name: 'UDP over IPv6', bytes: v2(0x21, 0x22, ipv6Block), becomes: 'keep' },
  { name: 'UNIX stream', bytes: v2(0x21, 0x31, unixBlock), becomes: 'keep' },
  { name: 'UNIX datagram', bytes: v2(0x21, 0x32, unixBlock), becomes: 'keep' },
  { name: 'unspecified', bytes: v2(0x21, 0x00, ''), becomes: 'keep' },
  { name: 'unspecified with anything', bytes: v2(0x21, 0x00, 'ffffffff'), becomes: 'keep' },
  { name: 'IPv4 of an unspecified transport', bytes: v2(0x21, 0x10, '0102'), becomes: 'keep' },
  { name: 'unspecified with a checksum', bytes: withChecksum(0x21, 0x00, ''), becomes: 'keep' },
  { name: 'LOCAL', bytes: v2(0x20, 0x00, ''), becomes: 'keep' },
  { name: 'LOCAL with addresses', bytes: v2(0x20, 0x11, ipv4Block), becomes: 'keep' },
  { name: 'LOCAL of an unassigned family', bytes: v2(0x20, 0xff, ''), becomes: 'keep' },
  { name: 'LOCAL too short for its family', bytes: v2(0x20, 0x21, 'ff'), becomes: 'keep' },
  { name: 'LOCAL with anything', bytes: v2(0x20, 0x00, '030004ff'), becomes: 'keep' },
  { name: 'LOCAL with a checksum', bytes: withChecksum(0x20, 0x00, ''), becomes: 'keep' },
  {
    name: 'LOCAL with a checksum, as HAProxy 2.6 sends it',
    bytes: hex(`${signatureV2} 20000007 030004 a9b87e8f`),
    becomes: 'keep',
  },
  {
    name: 'LOCAL with a wrong checksum',
    bytes: spoiled(withChecksum(0x20, 0x00, '040000')),
    becomes: 'crc32c',
  },
  { name: 'another signature', bytes: hex('0d0a0d0a000d0a515549540b'), becomes: 'not_a_header' },
  { name: 'an empty line', bytes: hex('0d0a0d0a0d'), becomes: 'not_a_header' },
  { name: 'version 1 in binary', bytes: v2(0x11, 0x11, ipv4Block), becomes: 'command' },
  { name: 'version 3', bytes: v2(0x31, 0x11, ipv4Block), becomes: 'command' },
  { name: 'an unassigned command', bytes: v2(0x22, 0x11, ipv4Block), becomes: 'command' },
  { name: 'an unassigned family', bytes: v2(0x21, 0x41, ipv4Block), becomes: 'family' },
  { name: 'an unassigned transport', bytes: v2(0x21, 0x13, ipv4Block), becomes: 'family' },
  { name: 'IPv4 of 11 bytes', bytes: v2(0x21, 0x11, ipv4Block.slice(0, -2)), becomes: 'length' },
  { name: 'IPv6 of 35 bytes', bytes: v2(0x21, 0x21, ipv6Block.slice(0, -2)), becomes: 'length' },
  { name: 'UNIX of 215 bytes', bytes: v2(0x21, 0x31, unixBlock.slice(0, -2)), becomes: 'length' },
  { name: 'a byte left over', bytes: v2(0x21, 0x11, `${ipv4Block} 01`), becomes: 'tlvs' },
  { name: 'half a TLV header', bytes: v2(0x21, 0x11, `${ipv4Block} 010000 0200`), becomes: 'tlvs' },
  { name: 'a TLV past the end', bytes: v2(0x21, 0x11, `${ipv4Block} 010003 6832`), becomes: 'tlvs' },
  { name: 'a checksum of 3 bytes', bytes: v2(0x21, 0x11, `${ipv4Block} 030003 000000`), becomes: 'tlvs' },
  {
    name: 'two checksums',
    bytes: withChecksum(0x21, 0x11, `${ipv4Block} 030004 00000000`),
    becomes: 'tlvs',
  },
  { name: 'a wrong checksum', bytes: spoiled(withChecksum(0x21, 0x11, ipv4Block)), becomes: 'crc32c' },
];

export const examples: readonly Example[] = [
  ...versionOne.map((example) => ({ ...example, name: `version 1: ${example.name}` })),
  ...versionTwo.map((example) => ({ ...example, name: `version 2: ${example.name}` })),
];
