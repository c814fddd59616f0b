import ipaddr from 'ipaddr.js';
import type { DialAddress, SocketAddress } from './data-plane.ts';

/**
 * IP addresses as the native engine has them: six words of an Int32Array, that is the family (4 or 6), the port, and 16
 * bytes of address in network order, of which IPv4 uses four.
 */
export function readIpAddress(words: Int32Array, at: number): SocketAddress {
  const family = words[at] === 6 ? 6 : 4;
  const port = words[at + 1] ?? 0;
  const bytes = new Uint8Array(words.buffer, words.byteOffset + (at + 2) * 4, family === 6 ? 16 : 4);
  const address =
    family === 6
      ? ipaddr.fromByteArray([...bytes]).toString()
      : `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}`;
  return { address, port, family };
}

/** The four words of address bytes. */
export function packIpAddress(address: DialAddress): Int32Array {
  const bytes = new Uint8Array(16);
  bytes.set(ipaddr.parse(address.address).toByteArray());
  return new Int32Array(bytes.buffer);
}
