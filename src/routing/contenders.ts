import { checkedCidr } from './cidr.ts';
import { parseIpAddress } from './ip-address.ts';
import { PrefixMap } from './prefix-map.ts';
import type { RouteQuery } from './route-criteria.ts';

/** What a route asks besides its name. */
interface Criteria {
  readonly listeners?: readonly string[] | undefined;
  readonly sources?: readonly string[] | undefined;
  readonly alpn?: readonly string[] | undefined;
}

/**
 * Tells routes that are equal on the name apart, by listener, then source, then protocol: one hash level each, what a
 * route doesn't ask about (`any`) after what it does. Knows the routes by their places in a list, so that lists with
 * the same criteria can share one. Where two routes could take the same place the first keeps it.
 */
export class Contenders {
  #byListener: Map<string, BySource> | undefined;
  #any: BySource | undefined;

  /** By steps, one for each source. Places have to come in order. */
  *add(criteria: Criteria, place: number): Generator<void> {
    if (criteria.listeners === undefined) {
      this.#any ??= new BySource();
      yield* this.#any.add(criteria, place);
      return;
    }
    this.#byListener ??= new Map();
    for (const listener of criteria.listeners) {
      const bySource = this.#byListener.get(listener) ?? new BySource();
      this.#byListener.set(listener, bySource);
      yield* bySource.add(criteria, place);
    }
  }

  /** The place of the route that wins; undefined where none matches. */
  find(query: RouteQuery): number | undefined {
    return this.#byListener?.get(query.listener)?.find(query) ?? this.#any?.find(query);
  }
}

class BySource {
  #byPrefix: PrefixMap<ByProtocol> | undefined;
  #any: ByProtocol | undefined;

  *add(criteria: Criteria, place: number): Generator<void> {
    yield;
    if (criteria.sources === undefined) {
      this.#any ??= new ByProtocol();
      this.#any.add(criteria, place);
      return;
    }
    this.#byPrefix ??= new PrefixMap();
    for (const source of criteria.sources) {
      yield;
      const cidr = checkedCidr(source);
      const byProtocol = this.#byPrefix.get(cidr) ?? new ByProtocol();
      this.#byPrefix.set(cidr, byProtocol);
      byProtocol.add(criteria, place);
    }
  }

  find(query: RouteQuery): number | undefined {
    return this.#findByPrefix(query) ?? this.#any?.find(query);
  }

  #findByPrefix(query: RouteQuery): number | undefined {
    if (this.#byPrefix === undefined || query.source === undefined) return undefined;
    const address = parseIpAddress(query.source);
    if (address === undefined) return undefined;
    return this.#byPrefix.search(address, (byProtocol) => byProtocol.find(query));
  }
}

class ByProtocol {
  #byProtocol: Map<string, number> | undefined;
  #any: number | undefined;

  add(criteria: Criteria, place: number): void {
    if (criteria.alpn === undefined) {
      this.#any ??= place;
      return;
    }
    this.#byProtocol ??= new Map();
    for (const protocol of criteria.alpn) {
      if (!this.#byProtocol.has(protocol)) this.#byProtocol.set(protocol, place);
    }
  }

  find(query: RouteQuery): number | undefined {
    if (this.#byProtocol !== undefined && !query.plainTcp) {
      for (const protocol of query.alpn) {
        const place = this.#byProtocol.get(protocol);
        if (place !== undefined) return place;
      }
    }
    return this.#any;
  }
}
