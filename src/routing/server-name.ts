import { domainToASCII } from 'node:url';

const maxNameLength = 253;
const maxLabelLength = 63;

const dot = 0x2e;
const hyphen = 0x2d;
const underscore = 0x5f;
const zero = 0x30;
const nine = 0x39;
const upperA = 0x41;
const upperZ = 0x5a;
const lowerA = 0x61;
const lowerF = 0x66;
const lowerX = 0x78;
const lowerZ = 0x7a;
/** Set in an ASCII letter's code when it is lower case. */
const lowerCaseBit = 0x20;

/**
 * A client's server name, one character a byte, in the form routes are compared in: lower case, without a trailing
 * dot. Undefined where it is no DNS name or is an IP address. A name already in that form is returned as it is.
 *
 * Hyphens and underscores may stand anywhere in a label: names such as `-x.example.com` are served and asked for
 * on the Internet (wildcard DNS makes them), and the URL standard lets them through (its CheckHyphens is false).
 */
export function normalizeServerName(raw: string): string | undefined {
  const length = raw.charCodeAt(raw.length - 1) === dot ? raw.length - 1 : raw.length;
  if (length > maxNameLength) return undefined;
  let labelStart = 0;
  let hasUpperCase = false;
  for (let i = 0; i < length; i++) {
    const code = raw.charCodeAt(i);
    if (code >= lowerA && code <= lowerZ) continue;
    if (code === dot) {
      if (!isLabelLength(i - labelStart)) return undefined;
      labelStart = i + 1;
    } else if (code >= upperA && code <= upperZ) {
      hasUpperCase = true;
    } else if (!isDigit(code) && code !== hyphen && code !== underscore) {
      return undefined;
    }
  }
  if (!isLabelLength(length - labelStart) || isNumber(raw, labelStart, length)) return undefined;
  const name = length === raw.length ? raw : raw.slice(0, length);
  return hasUpperCase ? name.toLowerCase() : name;
}

/**
 * Whether the label is a number, decimal or `0x` hexadecimal. A name that ends in one is an IPv4 address to the URL
 * standard, short forms such as `127.1` included, and no top-level domain looks like that (RFC 3696 section 2).
 */
function isNumber(name: string, start: number, end: number): boolean {
  if (!isDigit(name.charCodeAt(start))) return false;
  const isHex =
    name.charCodeAt(start) === zero &&
    end > start + 1 &&
    (name.charCodeAt(start + 1) | lowerCaseBit) === lowerX;
  for (let i = isHex ? start + 2 : start; i < end; i++) {
    const code = name.charCodeAt(i);
    if (isDigit(code)) continue;
    const letter = code | lowerCaseBit;
    if (!isHex || letter < lowerA || letter > lowerF) return false;
  }
  return true;
}

function isDigit(code: number): boolean {
  return code >= zero && code <= nine;
}

function isLabelLength(length: number): boolean {
  return length > 0 && length <= maxLabelLength;
}

export type ServerNamePatternResult =
  | { readonly ok: true; readonly pattern: string }
  | { readonly ok: false; readonly problem: string };

const allowed = 'allowed are an exact name, "*.example.com" and "*"';

/**
 * A pattern as written in a configuration, in normal form: `*`, `*.suffix` or an exact name, lower case, A-labels
 * (Unicode is converted as browsers do it, UTS #46), without a trailing dot.
 */
export function parseServerNamePattern(text: string): ServerNamePatternResult {
  if (text === '*') return { ok: true, pattern: '*' };
  const isWildcard = text.startsWith('*.');
  const written = isWildcard ? text.slice(2) : text;
  const problem = writtenProblem(text, written);
  if (problem !== undefined) return refused(text, problem);
  const name = isAscii(written) ? written : domainToASCII(written);
  if (name === '') return refused(text, 'is not a valid internationalised name (IDNA)');
  const normal = normalizeServerName(name);
  if (normal === undefined) return refused(text, nameProblem(name));
  const pattern = isWildcard ? `*.${normal}` : normal;
  // A wildcard as long as the longest name would match nothing: its `*` stands for a character at least.
  if (pattern.length > 253) return refused(text, 'is longer than the 253 characters a name may have');
  return { ok: true, pattern };
}

function refused(text: string, problem: string): ServerNamePatternResult {
  return { ok: false, problem: `${JSON.stringify(text)} ${problem}; ${allowed}` };
}

/** What can be told before Unicode is converted; the conversion must see no ASCII that names don't have. */
function writtenProblem(text: string, written: string): string | undefined {
  if (text === '') return 'is empty';
  if (text === '*.' || written.includes('*')) {
    return 'has "*" where it cannot stand: it is either the whole pattern or the whole first label of a name';
  }
  if (text === '.') return 'has no label';
  if (written.startsWith('.')) return 'starts with a dot';
  if (written.includes('//')) return 'is a URL, not a server name';
  if (/^\[|:.*:/.test(written)) return 'is an IP address, which TLS never carries as a server name';
  if (/:\d*$/.test(written)) return 'has a port, which a server name has not';
  const foreign = /[^\w.\u{80}-\u{10ffff}-]/u.exec(written)?.[0];
  return foreign === undefined ? undefined : `has ${JSON.stringify(foreign)}, which no server name may have`;
}

/** Why `normalizeServerName` refuses a name of allowed characters. */
function nameProblem(name: string): string {
  const labels = (name.endsWith('.') ? name.slice(0, -1) : name).split('.');
  if (labels.includes('')) return 'has an empty label (two dots in a row)';
  const long = labels.find((label) => label.length > 63);
  if (long !== undefined) return `has a label of ${long.length} characters, of which a label may have 63`;
  if (labels.join('.').length > 253) return 'is longer than the 253 characters a name may have';
  return 'ends in a number, so it is an IP address, which TLS never carries as a server name';
}

function isAscii(text: string): boolean {
  return !/[\u{80}-\u{10ffff}]/u.test(text);
}
