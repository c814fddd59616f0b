/** The byte at `offset`; 0 past the end, so callers check lengths first. */
export function uint8At(bytes: Uint8Array, offset: number): number {
  return bytes[offset] ?? 0;
}

/** The big-endian number at `offset`; callers check lengths first. */
export function uint16At(bytes: Uint8Array, offset: number): number {
  return (uint8At(bytes, offset) << 8) | uint8At(bytes, offset + 1);
}

/** Whether a 16-bit value is one of those that RFC 8701 reserves: 0x0A0A, 0x1A1A … 0xFAFA. */
export function isGrease(value: number): boolean {
  return (value & 0x0f0f) === 0x0a0a && value >> 8 === (value & 0xff);
}
