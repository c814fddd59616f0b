import { formatIpv4, formatIpv6, isIpv4Mapped, readIpv4, readIpv6 } from '../ip/ip-address.ts';
import {
  type DecodedProxyHeader,
  type MalformedProxyHeader,
  type MalformedProxyHeaderReason,
  type ProxyAddress,
  proxySignatureV1,
} from './proxy-header.ts';

/** The longest line, CRLF included (specification section 2.1). */
const maxLineBytes = 107;

const cr = 0x0d;
const lf = 0x0a;

/** Decodes a version 1 header whose signature is there. */
export function decodeProxyV1(input: Uint8Array): DecodedProxyHeader {
  const start = proxySignatureV1.length;
  const lineLimit = Math.min(input.length, maxLineBytes);
  let end = start;
  while (end < lineLimit && input[end] !== cr && input[end] !== lf) end++;
  const line = Buffer.from(input.buffer, input.byteOffset + start, end - start).toString('latin1');
  const transport = transportOf(line, end < lineLimit);
  if (transport === undefined) return malformed('transport');
  if (end + 2 > maxLineBytes) return malformed('line_too_long');
  if (input[end] === lf) return malformed('line_ending');
  if (end + 2 > input.length) return { kind: 'incomplete', neededBytes: input.length + 1 };
  if (input[end + 1] !== lf) return malformed('line_ending');
  const bytes = end + 2;
  if (transport === 'UNKNOWN') {
    return { kind: 'header', bytes, version: 1, source: undefined, destination: undefined, tlvs: [] };
  }
  return decodeFields(line.split(' '), transport === 'TCP4' ? 4 : 6, bytes);
}

type Transport = 'TCP4' | 'TCP6' | 'UNKNOWN';
const transports: readonly Transport[] = ['TCP4', 'TCP6', 'UNKNOWN'];

/** The line's first word; while the line has not ended, any that the word may become. */
function transportOf(line: string, isWhole: boolean): Transport | undefined {
  const space = line.indexOf(' ');
  if (space >= 0 || isWhole) {
    const word = space >= 0 ? line.slice(0, space) : line;
    return transports.find((transport) => transport === word);
  }
  return transports.find((transport) => transport.startsWith(line));
}

function decodeFields(fields: readonly string[], family: 4 | 6, bytes: number): DecodedProxyHeader {
  const [, sourceText = '', destinationText = '', sourcePortText = '', destinationPortText = ''] = fields;
  if (fields.length !== 5) return malformed('fields');
  const sourcePort = decodePort(sourcePortText);
  const destinationPort = decodePort(destinationPortText);
  if (sourcePort === undefined || destinationPort === undefined) return malformed('port');
  const source = decodeAddress(sourceText, sourcePort, family);
  const destination = decodeAddress(destinationText, destinationPort, family);
  if (source === undefined || destination === undefined) return malformed('address');
  return { kind: 'header', bytes, version: 1, source, destination, tlvs: [] };
}

/** The bytes of the address being read: never kept from one call to the next. */
const scratch = new Uint8Array(16);

/** Undefined where `text` is no address of the family. */
function decodeAddress(text: string, port: number, family: 4 | 6): ProxyAddress | undefined {
  if (family === 4) return readIpv4(text, scratch, 0) ? { address: text, port, family: 4 } : undefined;
  if (!readIpv6(text, scratch, 0)) return undefined;
  if (isIpv4Mapped(scratch, 0)) return { address: formatIpv4(scratch, 12), port, family: 4 };
  return { address: formatIpv6(scratch, 0), port, family: 6 };
}

/** Undefined where `text` is no port in decimal without leading zeros. */
function decodePort(text: string): number | undefined {
  if (!/^(?:0|[1-9][0-9]{0,4})$/.test(text)) return undefined;
  const port = Number(text);
  return port <= 0xffff ? port : undefined;
}

function malformed(reason: MalformedProxyHeaderReason): MalformedProxyHeader {
  return { kind: 'malformed', reason };
}
