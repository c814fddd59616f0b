import { formatIpv4, formatIpv6, readIpv4, readIpv6 } from '../ip/ip-address.ts';
import type { DialAddress, SocketAddress } from './data-plane.ts';

/**
 * IP addresses as the native engine has them: six words of an Int32Array, that is the family (4 or 6), the port, and 16
 * bytes of address in network order, of which IPv4 uses four.
 */
const addressWords = 6;

/** A view of the words themselves would cost more than all the rest. */
const addressOnly = new Int32Array(addressWords - 2);
const bytes = new Uint8Array(addressOnly.buffer);

export function readIpAddress(words: ArrayLike<number>, at: number): SocketAddress {
  const family = words[at] === 6 ? 6 : 4;
  const port = words[at + 1] ?? 0;
  for (let word = 0; word < addressOnly.length; word++) addressOnly[word] = words[at + 2 + word] ?? 0;
  const address = family === 6 ? formatIpv6(bytes, 0) : formatIpv4(bytes, 0);
  return { address, port, family };
}

/** The words, to keep: a plain array is made in a tenth of the time that a typed one takes. */
export function copyIpAddress(words: Int32Array, at: number): readonly number[] {
  return [
    words[at] ?? 0,
    words[at + 1] ?? 0,
    words[at + 2] ?? 0,
    words[at + 3] ?? 0,
    words[at + 4] ?? 0,
    words[at + 5] ?? 0,
  ];
}

/** Throws for what cannot be dialled: nothing is cut to fit. */
export function packIpAddress({ address, port, family }: DialAddress): Int32Array {
  const words = new Int32Array(addressWords);
  const read = family === 6 ? readIpv6 : readIpv4;
  if (!read(address, new Uint8Array(words.buffer), 8)) {
    throw new TypeError(`${address} is no IPv${family} address`);
  }
  if (!Number.isInteger(port) || port < 0 || port > 0xffff) throw new RangeError(`${port} is no port`);
  words[0] = family;
  words[1] = port;
  return words;
}
