import type { IpAddress } from './ip-address.ts';

/** An address prefix: an address whose bits past the length are zero. */
export type Cidr = IpAddress & { readonly length: number };

/**
 * Values by address prefix. A search is one hash lookup for each prefix length in use, however many prefixes there
 * are.
 */
export class PrefixMap<V> {
  readonly #v4: LengthEntry<V>[] = [];
  readonly #v6: LengthEntry<V>[] = [];

  get(cidr: Cidr): V | undefined {
    const entry = this.#longestFirst(cidr).find((each) => each.length === cidr.length);
    return entry?.values.get(prefixKey(cidr, cidr.length));
  }

  set(cidr: Cidr, value: V): void {
    const entries = this.#longestFirst(cidr);
    const key = prefixKey(cidr, cidr.length);
    const entry = entries.find((each) => each.length === cidr.length);
    if (entry !== undefined) {
      entry.values.set(key, value);
      return;
    }
    entries.push({ length: cidr.length, values: new Map([[key, value]]) });
    entries.sort((a, b) => b.length - a.length);
  }

  /** Asks `accept` about the prefixes that hold the address, longest first, until it answers something. */
  search<T>(address: IpAddress, accept: (value: V, length: number) => T | undefined): T | undefined {
    for (const { length, values } of this.#longestFirst(address)) {
      const value = values.get(prefixKey(address, length));
      const accepted = value === undefined ? undefined : accept(value, length);
      if (accepted !== undefined) return accepted;
    }
    return undefined;
  }

  #longestFirst(address: IpAddress): LengthEntry<V>[] {
    return address.family === 4 ? this.#v4 : this.#v6;
  }
}

interface LengthEntry<V> {
  readonly length: number;
  readonly values: Map<number | bigint, V>;
}

/** The prefix's own bits, shifted down to the lowest: V8 hashes a bigint by its lowest 64 bits alone. */
function prefixKey(address: IpAddress, length: number): number | bigint {
  if (address.family === 6) return address.bits >> BigInt(128 - length);
  // Shifting by 32 is shifting by 0 in JavaScript.
  return length === 0 ? 0 : address.bits >>> (32 - length);
}
