import { isDeepStrictEqual } from 'node:util';
import type { EndpointSnapshot } from '../../config/snapshot.ts';
import { canonicalAddress } from './canonical-address.ts';
import type { DiscoveredEndpoint } from './discovered-endpoint.ts';
import type { LookupProblem, NameLookup } from './name-lookup.ts';
import { lookUpSource, type SourceLookup, sourceName, toEndpoint } from './source-lookup.ts';

export type DiscoveryEvent =
  /** The endpoints are others than before. */
  | { readonly kind: 'changed'; readonly endpoints: readonly DiscoveredEndpoint[] }
  /** Looking up began to fail, or fails in another way; told once, not for every retry. */
  | {
      readonly kind: 'failing';
      readonly problem: LookupProblem;
      /** How many endpoints stay in use all the same. */
      readonly kept: number;
    }
  | { readonly kind: 'recovered' };

/** Timers may fire this much early; waking then would find the answer still good, and wake again and again. */
const timerSlackMs = 2;

/**
 * Watches one of an upstream's sources of endpoints: looks its name up when its TTL ends and tells what changed.
 * Keeps the last good endpoints while looking up fails; an answer that there are none empties the list. Any
 * number may watch the same name: `names` sees to it that it is asked for once.
 */
export class EndpointDiscovery {
  readonly source: EndpointSnapshot;
  /** The name that is looked up, or the address that needs no looking up. */
  readonly name: string;
  readonly #names: NameLookup;
  readonly #tell: (event: DiscoveryEvent) => void;
  #endpoints: readonly DiscoveredEndpoint[] = [];
  #problem: LookupProblem | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** An address is known at once, and no event is told of it. */
  constructor(source: EndpointSnapshot, names: NameLookup, tell: (event: DiscoveryEvent) => void) {
    this.source = source;
    this.name = sourceName(source);
    this.#names = names;
    this.#tell = (event) => {
      if (!this.#closed) {
        tell(event);
      }
    };
    const address = source.kind === 'address' ? canonicalAddress(source.host) : undefined;
    if (source.kind === 'address' && address !== undefined) {
      this.#endpoints = [toEndpoint(address, source.port, source.weight, 0)];
    } else {
      void this.#lookUp();
    }
  }

  get endpoints(): readonly DiscoveredEndpoint[] {
    return this.#endpoints;
  }

  /** `resolving`: there is no endpoint, be it not yet or because there is none. */
  get state(): 'resolving' | 'resolved' {
    return this.#endpoints.length === 0 ? 'resolving' : 'resolved';
  }

  /** What is wrong with looking up; undefined while all is well. */
  get problem(): LookupProblem | undefined {
    return this.#problem;
  }

  /** No event is told from here on. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #lookUp(): Promise<void> {
    const lookup = await lookUpSource(this.source, this.#names);
    if (this.#closed) {
      return;
    }
    const waitMs = Math.ceil(Math.max(0, lookup.nextLookupAtMs - performance.now())) + timerSlackMs;
    if (waitMs !== Number.POSITIVE_INFINITY) {
      this.#timer = setTimeout(() => void this.#lookUp(), waitMs);
    }
    this.#apply(lookup);
  }

  #apply(lookup: SourceLookup): void {
    const changed = !isDeepStrictEqual(lookup.endpoints, this.#endpoints);
    const before = this.#problem;
    const problem = lookup.failure ?? lookup.absence;
    this.#endpoints = lookup.endpoints;
    this.#problem = problem;
    if (changed) {
      this.#tell({ kind: 'changed', endpoints: lookup.endpoints });
    }
    if (problem !== undefined && problem.code !== before?.code) {
      this.#tell({ kind: 'failing', problem, kept: lookup.endpoints.length });
    } else if (problem === undefined && before !== undefined) {
      this.#tell({ kind: 'recovered' });
    }
  }
}
