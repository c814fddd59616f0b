import type { ResolvedAddress } from './canonical-address.ts';

/** Turns names into addresses. Neither method rejects, and both remember: asking often costs little. */
export interface NameLookup {
  addresses(name: string, options?: { readonly search: boolean }): Promise<AddressLookup>;
  services(name: string): Promise<ServiceLookup>;
}

export interface LookupState {
  /** Set when a server said that there is nothing; then there is nothing. */
  readonly absence?: LookupProblem;
  /** Set when asking failed: what there is may be old or incomplete, and is nothing where no answer ever came. */
  readonly failure?: LookupProblem;
  /** On the clock of `performance.now()`: asking before this gives the same. */
  readonly nextLookupAtMs: number;
}

export interface LookupProblem {
  /** As node:dns has them: ENOTFOUND, ENODATA, ESERVFAIL, EREFUSED, ETIMEOUT, EBADRESP …, or a system error's. */
  readonly code: string;
  /** For people: one line, without the name that was looked up. */
  readonly why: string;
}

export interface AddressLookup extends LookupState {
  readonly addresses: readonly ResolvedAddress[];
}

export interface ServiceLookup extends LookupState {
  readonly services: readonly ResolvedService[];
}

/** One SRV record with its target's addresses, which may be none. */
export interface ResolvedService {
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  readonly addresses: readonly ResolvedAddress[];
}
