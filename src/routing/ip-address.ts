const dot = 0x2e;
const colon = 0x3a;
const zero = 0x30;

/** An address as the number it is. An IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) is the IPv4 address. */
export type IpAddress =
  | { readonly family: 4; readonly bits: number }
  | { readonly family: 6; readonly bits: bigint };

/** Undefined for anything but an address: dotted decimal with four parts, or IPv6 (a zone, `%eth0`, is dropped). */
export function parseIpAddress(text: string): IpAddress | undefined {
  const bits = parseIpv4(text, 0);
  if (bits !== undefined) return { family: 4, bits };
  const zone = text.indexOf('%');
  const groups = parseIpv6(zone === -1 ? text : text.slice(0, zone));
  if (groups === undefined) return undefined;
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = groups;
  const low = g * 0x10000 + h;
  if ((a | b | c | d | e) === 0 && f === 0xffff) return { family: 4, bits: low };
  // Three times 48 bits or fewer: exact as numbers, and bigint arithmetic is the slow part.
  const high = BigInt(a * 0x1_0000_0000 + b * 0x10000 + c);
  const middle = BigInt(d * 0x1_0000_0000 + e * 0x10000 + f);
  return { family: 6, bits: (high << 80n) | (middle << 32n) | BigInt(low) };
}

/** Strict: no leading zeros (octal to some), no short forms. */
function parseIpv4(text: string, start: number): number | undefined {
  if (text.length - start > 15) return undefined;
  let bits = 0;
  let parts = 0;
  let part = -1;
  for (let i = start; i <= text.length; i++) {
    const code = i === text.length ? dot : text.charCodeAt(i);
    if (code === dot) {
      if (part === -1 || parts === 4) return undefined;
      bits = bits * 256 + part;
      parts++;
      part = -1;
    } else {
      if (code < zero || code > zero + 9 || part === 0) return undefined;
      part = (part === -1 ? 0 : part * 10) + code - zero;
      if (part > 255) return undefined;
    }
  }
  return parts === 4 ? bits : undefined;
}

/** The eight groups of RFC 4291 section 2.2, the last two of which may be dotted decimal. */
function parseIpv6(text: string): number[] | undefined {
  const groups: number[] = [];
  let gap = text.startsWith('::') ? 0 : -1;
  let i = gap === 0 ? 2 : 0;
  while (i < text.length) {
    const start = i;
    let group = 0;
    for (let digit = hexDigit(text, i); digit !== -1; digit = hexDigit(text, ++i)) group = group * 16 + digit;
    if (text.charCodeAt(i) === dot) {
      const bits = parseIpv4(text, start);
      if (bits === undefined) return undefined;
      groups.push(bits >>> 16, bits & 0xffff);
      break;
    }
    if (i === start || i - start > 4) return undefined;
    groups.push(group);
    if (i === text.length) break;
    if (text.charCodeAt(i) !== colon || ++i === text.length) return undefined;
    if (text.charCodeAt(i) === colon) {
      if (gap !== -1) return undefined;
      gap = groups.length;
      i++;
    }
  }
  return gap === -1 ? (groups.length === 8 ? groups : undefined) : fillGap(groups, gap);
}

/** `::` stands for one group of zeros at least. */
function fillGap(groups: number[], gap: number): number[] | undefined {
  if (groups.length > 7) return undefined;
  groups.splice(gap, 0, ...new Array<number>(8 - groups.length).fill(0));
  return groups;
}

/** -1 for anything else, the end of the text too. */
function hexDigit(text: string, i: number): number {
  const code = text.charCodeAt(i);
  if (code >= zero && code <= zero + 9) return code - zero;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
