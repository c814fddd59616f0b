import { checkedCidr } from './cidr.ts';
import { parseIpAddress } from './ip-address.ts';
import { PrefixMap } from './prefix-map.ts';
import type { RouteCriteria, RouteQuery } from './route-criteria.ts';

/**
 * Tells routes that are equal on the name apart, by listener, then source, then protocol: one hash level each, what a
 * route doesn't ask about (`any`) after what it does. Knows the routes by their places in the list it is given, so
 * that lists with the same criteria can share one. Where two routes could take the same place the first keeps it.
 */
export class Contenders {
  #byListener: Map<string, BySource> | undefined;
  #any: BySource | undefined;

  constructor(routes: readonly RouteCriteria[]) {
    for (const [place, route] of routes.entries()) {
      if (route.listeners === undefined) {
        this.#any ??= new BySource();
        this.#any.add(route, place);
        continue;
      }
      this.#byListener ??= new Map();
      for (const listener of route.listeners) {
        const bySource = this.#byListener.get(listener) ?? new BySource();
        this.#byListener.set(listener, bySource);
        bySource.add(route, place);
      }
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

  add(route: RouteCriteria, place: number): void {
    if (route.sources === undefined) {
      this.#any ??= new ByProtocol();
      this.#any.add(route, place);
      return;
    }
    this.#byPrefix ??= new PrefixMap();
    for (const source of route.sources) {
      const cidr = checkedCidr(source);
      const byProtocol = this.#byPrefix.get(cidr) ?? new ByProtocol();
      this.#byPrefix.set(cidr, byProtocol);
      byProtocol.add(route, place);
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

  add(route: RouteCriteria, place: number): void {
    if (route.alpn === undefined) {
      this.#any ??= place;
      return;
    }
    this.#byProtocol ??= new Map();
    for (const protocol of route.alpn) {
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
