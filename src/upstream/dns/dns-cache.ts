import type { AddressRecord, DnsQuestion, DnsRecord } from './dns-record.ts';
import type { DnsOutcome } from './dns-reply.ts';
import { negativeUsableMs, retryMs, type TtlBounds, usableMs } from './lookup-schedule.ts';
import type { LookupState } from './name-lookup.ts';

/** What is known about a question now. */
export interface DnsLookup extends LookupState {
  readonly records: readonly DnsRecord[];
  /** Addresses that came along with SRV records. */
  readonly additional: readonly AddressRecord[];
}

export interface DnsCacheSettings extends TtlBounds {
  readonly ask: (question: DnsQuestion) => Promise<DnsOutcome>;
  /** Questions remembered; past that, those not asked for longest are forgotten. */
  readonly maxEntries: number;
  /** Whether the last good answer outlives its TTL while asking again fails (RFC 8767). */
  readonly keepOnFailure: boolean;
  readonly nowMs?: () => number;
  readonly random?: () => number;
}

interface Entry {
  lookup: DnsLookup | undefined;
  /** The question under way: everybody who asks meanwhile waits for the same answer. */
  pending: Promise<DnsLookup> | undefined;
  failures: number;
}

/** Remembers answers for as long as they may be used, and asks each question once at a time. */
export class DnsCache {
  readonly #settings: DnsCacheSettings;
  readonly #nowMs: () => number;
  readonly #random: () => number;
  /** In the order of use, the longest unused first. */
  readonly #entries = new Map<string, Entry>();

  constructor(settings: DnsCacheSettings) {
    this.#settings = settings;
    this.#nowMs = settings.nowMs ?? (() => performance.now());
    this.#random = settings.random ?? Math.random;
  }

  /** Never rejects. */
  lookup(question: DnsQuestion): Promise<DnsLookup> {
    const entry = this.#use(`${question.type} ${question.name}`);
    if (entry.pending !== undefined) {
      return entry.pending;
    }
    if (entry.lookup !== undefined && this.#nowMs() < entry.lookup.nextLookupAtMs) {
      return Promise.resolve(entry.lookup);
    }
    entry.pending = this.#ask(question, entry);
    return entry.pending;
  }

  async #ask(question: DnsQuestion, entry: Entry): Promise<DnsLookup> {
    const outcome = await this.#settings.ask(question);
    entry.failures = outcome.kind === 'failed' ? entry.failures + 1 : 0;
    const lookup = this.#toLookup(outcome, entry);
    entry.lookup = lookup;
    entry.pending = undefined;
    return lookup;
  }

  #toLookup(outcome: DnsOutcome, entry: Entry): DnsLookup {
    const nowMs = this.#nowMs();
    const random = this.#random();
    switch (outcome.kind) {
      case 'records': {
        const { records, additional, ttlSeconds } = outcome;
        return { records, additional, nextLookupAtMs: nowMs + usableMs(ttlSeconds, this.#settings, random) };
      }
      case 'none': {
        const absence = { code: outcome.code, why: absenceWhy[outcome.code] };
        const remainsMs = negativeUsableMs(outcome.ttlSeconds, this.#settings, random);
        return { records: [], additional: [], absence, nextLookupAtMs: nowMs + remainsMs };
      }
      case 'failed': {
        const failure = { code: outcome.code, why: outcome.why };
        const known = this.#settings.keepOnFailure ? entry.lookup : undefined;
        const nextLookupAtMs = nowMs + retryMs(entry.failures, random);
        return { records: [], additional: [], ...known, failure, nextLookupAtMs };
      }
    }
  }

  #use(key: string): Entry {
    const entry = this.#entries.get(key) ?? { lookup: undefined, pending: undefined, failures: 0 };
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    const [longestUnused] = this.#entries.keys();
    if (this.#entries.size > this.#settings.maxEntries && longestUnused !== undefined) {
      this.#entries.delete(longestUnused);
    }
    return entry;
  }
}

const absenceWhy = {
  ENOTFOUND: 'there is no such name (NXDOMAIN)',
  ENODATA: 'the name has no such records',
};
