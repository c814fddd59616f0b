import { canonicalAddress, type ResolvedAddress } from './canonical-address.ts';
import { normalName } from './dns-record.ts';

/** hosts(5): the addresses of each name, in the order of the file. */
export function parseHosts(text: string): ReadonlyMap<string, readonly ResolvedAddress[]> {
  const hosts = new Map<string, ResolvedAddress[]>();
  for (const line of text.split('\n')) {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    const canonical = canonicalAddress(address);
    if (canonical === undefined) {
      continue;
    }
    for (const name of names.map(normalName)) {
      const known = hosts.get(name) ?? [];
      if (!known.some((other) => other.address === canonical.address)) {
        hosts.set(name, [...known, canonical]);
      }
    }
  }
  return hosts;
}

/** RFC 6761 section 6.3: these names are this machine's, and never asked of a server. */
export function isLocalhost(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost');
}

export const localhostAddresses: readonly ResolvedAddress[] = [
  { address: '::1', family: 6 },
  { address: '127.0.0.1', family: 4 },
];
