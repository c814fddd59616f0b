import type { DialAddress } from '../data-plane/data-plane.ts';
import type { ResolvedAddress } from './dns/canonical-address.ts';
import { canonicalAddress } from './dns/canonical-address.ts';
import { normalName } from './dns/dns-record.ts';
import type { AddressLookup, NameLookup } from './dns/name-lookup.ts';
import type { OwnListeners } from './own-listeners.ts';
import { refuseReason } from './special-use.ts';

/** Where a client that asked for a name may be connected to. */
export type ServerNameResult =
  /**
   * At least one, in the order in which to try them. These very addresses were checked: dial them, and look
   * nothing up again.
   */
  | { readonly kind: 'addresses'; readonly addresses: readonly DialAddress[] }
  /** The name has addresses, and none of them may be dialled. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** As node:dns has its codes: ENOTFOUND, ENODATA, ESERVFAIL, ETIMEOUT …; EBUSY: too many lookups under way. */
  | { readonly kind: 'failed'; readonly code: string };

export interface ServerNameResolutionSettings {
  readonly port: number;
  /** Whether special-use addresses may be dialled. Our own listeners never are. */
  readonly allowPrivate: boolean;
  readonly ownListeners: OwnListeners;
  readonly names: NameLookup;
  /** Names remembered; past that, those not asked for longest are forgotten. [10,000] */
  readonly maxNames?: number;
  /** Lookups under way; past that, names that are not remembered fail with EBUSY. [1000] */
  readonly maxPending?: number;
  readonly nowMs?: () => number;
}

interface Known {
  readonly result: ServerNameResult;
  readonly validUntilMs: number;
}

/** Resolves the names that clients ask for, for an upstream that connects to whatever name that is. */
export class ServerNameResolution {
  readonly #settings: ServerNameResolutionSettings;
  readonly #maxNames: number;
  readonly #maxPending: number;
  readonly #nowMs: () => number;
  /** In the order of use, the longest unused first. */
  readonly #known = new Map<string, Known>();
  readonly #pending = new Map<string, Promise<ServerNameResult>>();

  constructor(settings: ServerNameResolutionSettings) {
    this.#settings = settings;
    this.#maxNames = settings.maxNames ?? 10_000;
    this.#maxPending = settings.maxPending ?? 1000;
    this.#nowMs = settings.nowMs ?? (() => performance.now());
  }

  /** What is known without looking anything up; undefined: `resolve` has to. */
  known(serverName: string): ServerNameResult | undefined {
    const name = normalName(serverName);
    const known = this.#known.get(name);
    if (known === undefined) {
      return undefined;
    }
    this.#known.delete(name);
    if (known.validUntilMs <= this.#nowMs()) {
      return undefined;
    }
    this.#known.set(name, known);
    return known.result;
  }

  /** Never rejects. One lookup at a time for each name, however many clients wait for it. */
  resolve(serverName: string): Promise<ServerNameResult> {
    const name = normalName(serverName);
    const known = this.known(name);
    if (known !== undefined) {
      return Promise.resolve(known);
    }
    if (canonicalAddress(name) !== undefined) {
      return Promise.resolve({ kind: 'refused', reason: `${name} is an address and not a name` });
    }
    const pending = this.#pending.get(name);
    if (pending !== undefined) {
      return pending;
    }
    if (this.#pending.size >= this.#maxPending) {
      return Promise.resolve({ kind: 'failed', code: 'EBUSY' });
    }
    const started = this.#lookUp(name);
    this.#pending.set(name, started);
    return started;
  }

  async #lookUp(name: string): Promise<ServerNameResult> {
    const lookup = await this.#settings.names.addresses(name, { search: false });
    const result = this.#check(lookup);
    this.#pending.delete(name);
    this.#remember(name, { result, validUntilMs: lookup.nextLookupAtMs });
    return result;
  }

  #check({ addresses, absence, failure }: AddressLookup): ServerNameResult {
    const refused: string[] = [];
    const allowed = addresses.filter((address) => {
      const reason = this.#refuseReason(address);
      if (reason !== undefined) {
        refused.push(`${address.address} is ${reason}`);
      }
      return reason === undefined;
    });
    if (allowed.length > 0) {
      const { port } = this.#settings;
      return {
        kind: 'addresses',
        addresses: alternating(allowed).map(({ address, family }) => ({ address, port, family })),
      };
    }
    const [reason] = refused;
    return reason === undefined
      ? { kind: 'failed', code: (failure ?? absence)?.code ?? 'ENODATA' }
      : { kind: 'refused', reason };
  }

  #refuseReason({ address, family }: ResolvedAddress): string | undefined {
    const { ownListeners, allowPrivate, port } = this.#settings;
    if (ownListeners.includes({ address, family, port })) {
      return 'this proxy itself';
    }
    return allowPrivate ? undefined : refuseReason(address);
  }

  #remember(name: string, known: Known): void {
    this.#known.set(name, known);
    const [longestUnused] = this.#known.keys();
    if (this.#known.size > this.#maxNames && longestUnused !== undefined) {
      this.#known.delete(longestUnused);
    }
  }
}

/** RFC 8305 section 4: the families by turns, IPv6 first, so that one that is broken costs a single attempt. */
function alternating(addresses: readonly ResolvedAddress[]): ResolvedAddress[] {
  const v6 = addresses.filter((address) => address.family === 6);
  const v4 = addresses.filter((address) => address.family === 4);
  return Array.from({ length: Math.max(v6.length, v4.length) }, (_, index) => [v6[index], v4[index]])
    .flat()
    .filter((address) => address !== undefined);
}
