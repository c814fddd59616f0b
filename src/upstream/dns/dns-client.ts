import { randomInt } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { Slots } from '../slots.ts';
import { type DnsQuestion, isQueryableName } from './dns-record.ts';
import type { DnsFailure, DnsOutcome, ServerReply } from './dns-reply.ts';
import { type DnsServer, dnsServerText } from './dns-server.ts';
import { exchangeCancelled } from './exchange-failure.ts';
import { exchangeOverTcp } from './tcp-exchange.ts';
import { exchangeOverUdp } from './udp-exchange.ts';

/** As many as public resolvers follow, or nearly. */
const maxAliasHops = 10;
/** How long a server that did not answer is asked last. */
const silenceRememberedMs = 30_000;

export interface DnsClientSettings {
  /** Whom to ask, in order of preference; called for each question. */
  readonly servers: () => DnsServers;
  /** What one question may take altogether. */
  readonly deadlineMs: number;
  /** Questions under way at once; each has one socket. */
  readonly maxConcurrent: number;
}

export interface DnsServers {
  readonly servers: readonly DnsServer[];
  /** What one server gets for one answer. */
  readonly timeoutMs: number;
  /** How often the whole list is gone through while a server stays silent. */
  readonly attempts: number;
}

/** Asks recursive servers, as a stub resolver does. Remembers no answers: that is `DnsCache`'s. */
export class DnsClient {
  readonly #settings: DnsClientSettings;
  readonly #slots: Slots;
  readonly #closing = new AbortController();
  /** Servers that were silent, and until when they are asked last. */
  readonly #silentUntilMs = new Map<string, number>();

  constructor(settings: DnsClientSettings) {
    this.#settings = settings;
    this.#slots = new Slots(settings.maxConcurrent);
    setMaxListeners(0, this.#closing.signal);
  }

  /** Never rejects. */
  ask(question: DnsQuestion): Promise<DnsOutcome> {
    return this.#slots.run(() => this.#askWithAliases(question));
  }

  /** Ends what is under way, and everything asked from now on, with ECANCELLED. */
  close(): void {
    this.#closing.abort();
  }

  async #askWithAliases(question: DnsQuestion): Promise<DnsOutcome> {
    const deadlineMs = performance.now() + this.#settings.deadlineMs;
    let name = question.name;
    let ttlSeconds = Number.POSITIVE_INFINITY;
    for (let hop = 0; hop <= maxAliasHops; hop += 1) {
      if (!isQueryableName(name)) {
        return failed('EBADNAME', 'the name cannot be asked for');
      }
      const reply = await this.#askServers({ name, type: question.type }, deadlineMs);
      if (reply.kind !== 'alias') {
        return withinTtl(reply, ttlSeconds);
      }
      name = reply.target;
      ttlSeconds = Math.min(ttlSeconds, reply.ttlSeconds);
    }
    return failed('EBADRESP', `more than ${maxAliasHops} aliases (CNAME) in a row`);
  }

  /** Servers in turn until one says something about the name; another round only where one was silent. */
  async #askServers(question: DnsQuestion, deadlineMs: number): Promise<ServerReply> {
    const { servers, timeoutMs, attempts } = this.#settings.servers();
    let failure = failed('ECONNREFUSED', 'there is no DNS server to ask');
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      let oneWasSilent = false;
      for (const server of this.#silentOnesLast(servers)) {
        const remainingMs = deadlineMs - performance.now();
        if (remainingMs <= 0) {
          return failure;
        }
        const reply = await this.#askServer(server, question, Math.min(timeoutMs, remainingMs));
        if (reply.kind !== 'failed') {
          return reply;
        }
        failure = reply;
        oneWasSilent ||= reply.code === 'ETIMEOUT';
      }
      if (!oneWasSilent) {
        return failure;
      }
    }
    return failure;
  }

  async #askServer(server: DnsServer, question: DnsQuestion, timeoutMs: number): Promise<ServerReply> {
    const { signal } = this.#closing;
    if (signal.aborted) {
      return exchangeCancelled;
    }
    const deadlineMs = performance.now() + timeoutMs;
    const remainingMs = () => Math.max(1, deadlineMs - performance.now());
    let query = { id: randomInt(0x10000), question, edns: true };
    let reply = await exchangeOverUdp(server, query, timeoutMs, signal);
    if (reply.kind === 'failed' && (reply.code === 'EFORMERR' || reply.code === 'ENOTIMP')) {
      // RFC 6891 section 7: a server from before EDNS.
      query = { ...query, id: randomInt(0x10000), edns: false };
      reply = await exchangeOverUdp(server, query, remainingMs(), signal);
    }
    if (reply.kind === 'truncated') {
      reply = await exchangeOverTcp(server, query, remainingMs(), signal);
    }
    if (reply.kind === 'failed' && reply.code === 'ETIMEOUT') {
      this.#silentUntilMs.set(dnsServerText(server), performance.now() + silenceRememberedMs);
    }
    return reply;
  }

  /** As configured, but for servers that were silent lately: a dead first one must not slow every lookup. */
  #silentOnesLast(servers: readonly DnsServer[]): DnsServer[] {
    const nowMs = performance.now();
    const wasSilent = (server: DnsServer) => (this.#silentUntilMs.get(dnsServerText(server)) ?? 0) > nowMs;
    return [...servers.filter((server) => !wasSilent(server)), ...servers.filter(wasSilent)];
  }
}

function failed(code: string, why: string): DnsFailure {
  return { kind: 'failed', code, why };
}

/** The outcome, valid no longer than the aliases that led to it. */
function withinTtl(outcome: DnsOutcome, ttlSeconds: number): DnsOutcome {
  if (outcome.kind === 'failed' || ttlSeconds === Number.POSITIVE_INFINITY) {
    return outcome;
  }
  return { ...outcome, ttlSeconds: Math.min(outcome.ttlSeconds ?? ttlSeconds, ttlSeconds) };
}
