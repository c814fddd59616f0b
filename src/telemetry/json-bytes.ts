/**
 * JSON written as bytes, without a string in between. Each function writes at `at`, where its caller has seen to room,
 * and returns the place after what it wrote.
 */

const quote = 0x22;
const backslash = 0x5c;
const zero = 0x30;
/** Whole numbers up to here are written digit by digit; the division is one of small integers. */
const mostDigitwise = 0x3fff_ffff;

/** As the most that a UTF-16 code unit takes: `\u001f`. */
export const mostBytesPerUnit = 6;

export function writeBytes(to: Uint8Array, at: number, bytes: Uint8Array): number {
  for (let index = 0; index < bytes.length; index++) to[at + index] = bytes[index] ?? 0;
  return at + bytes.length;
}

/** For text that is known to be ASCII. */
export function writeAscii(to: Uint8Array, at: number, text: string): number {
  for (let index = 0; index < text.length; index++) to[at + index] = text.charCodeAt(index);
  return at + text.length;
}

export function writeText(to: Buffer, at: number, text: string | undefined): number {
  if (text === undefined) return writeAscii(to, at, 'null');
  to[at] = quote;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x20 || unit > 0x7f || unit === quote || unit === backslash) {
      return at + to.write(JSON.stringify(text), at);
    }
    to[at + 1 + index] = unit;
  }
  to[at + 1 + text.length] = quote;
  return at + 2 + text.length;
}

export function writeNumber(to: Uint8Array, at: number, value: number): number {
  if ((value & mostDigitwise) !== value) return writeAscii(to, at, JSON.stringify(value));
  let end = at + 1;
  for (let rest = value; rest >= 10; rest = (rest / 10) | 0) end++;
  for (let index = end - 1, rest = value; index >= at; index--) {
    const tenth = (rest / 10) | 0;
    to[index] = zero + rest - 10 * tenth;
    rest = tenth;
  }
  return end;
}

/** In milliseconds, to the microsecond: that is what clocks give. */
export function writeDuration(to: Uint8Array, at: number, ms: number | undefined): number {
  if (ms === undefined) return writeAscii(to, at, 'null');
  const us = Math.round(ms * 1000);
  if ((us & mostDigitwise) !== us) return writeAscii(to, at, JSON.stringify(us / 1000));
  const whole = (us / 1000) | 0;
  let end = writeNumber(to, at, whole);
  let rest = us - 1000 * whole;
  if (rest > 0) to[end++] = dot;
  for (let unit = 100; rest > 0; unit = (unit / 10) | 0) {
    const digit = (rest / unit) | 0;
    to[end++] = zero + digit;
    rest -= digit * unit;
  }
  return end;
}

const dot = 0x2e;
