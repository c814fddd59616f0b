import { canonicalAddress, type ResolvedAddress } from './canonical-address.ts';
import type { DnsLookup } from './dns-cache.ts';
import type { AddressRecord } from './dns-record.ts';
import type { AddressLookup, LookupProblem, LookupState } from './name-lookup.ts';

/** One name's addresses of both families. A family that has none is nothing to speak of while the other has some. */
export function joinFamilies(v6: DnsLookup, v4: DnsLookup): AddressLookup {
  const addresses = toAddresses([...v6.records, ...v4.records].filter((record) => record.type !== 'SRV'));
  const absence = v6.absence?.code === 'ENOTFOUND' ? v6.absence : v4.absence;
  const bothAbsent = v6.absence !== undefined && v4.absence !== undefined;
  return {
    addresses,
    ...joinStates(v6, v4),
    ...(bothAbsent && absence !== undefined ? { absence } : {}),
  };
}

/** The first failure and the earliest time; nobody's absence. */
export function joinStates(...states: readonly LookupState[]): {
  readonly failure?: LookupProblem;
  readonly nextLookupAtMs: number;
} {
  const failure = states.find((state) => state.failure !== undefined)?.failure;
  const nextLookupAtMs = Math.min(...states.map((state) => state.nextLookupAtMs));
  return failure === undefined ? { nextLookupAtMs } : { failure, nextLookupAtMs };
}

/** Canonical and without duplicates, in the order of the records. */
function toAddresses(records: readonly AddressRecord[]): ResolvedAddress[] {
  const addresses = new Map<string, ResolvedAddress>();
  for (const record of records) {
    const canonical = canonicalAddress(record.address);
    if (canonical !== undefined) {
      addresses.set(canonical.address, canonical);
    }
  }
  return [...addresses.values()];
}

/**
 * Asks for each name in turn until one is not known to be absent. A failure ends the search too: going on past it
 * could find another machine than the one that is meant.
 */
export async function firstPresent<L extends LookupState>(
  names: readonly string[],
  ask: (name: string) => Promise<L>,
): Promise<L> {
  const [name = '', ...others] = names;
  const lookup = await ask(name);
  if (lookup.absence === undefined || others.length === 0) {
    return lookup;
  }
  const later = await firstPresent(others, ask);
  return { ...later, ...joinStates(lookup, later) };
}
