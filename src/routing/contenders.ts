import { checkedCidr } from './cidr.ts';
import { parseIpAddress } from './ip-address.ts';
import { PrefixMap } from './prefix-map.ts';
import type { RouteCriteria, RouteQuery } from './route-criteria.ts';

/**
 * Routes equal on the name, to be told apart by listener, then source, then protocol: one hash level each, what a
 * route doesn't ask about (`any`) after what it does. Where two routes could take the same place the first keeps it.
 */
export class Contenders<R extends RouteCriteria> {
  readonly #byListener = new Map<string, BySource<R>>();
  #any: BySource<R> | undefined;

  constructor(routes: readonly R[]) {
    for (const route of routes) {
      if (route.listeners === undefined) {
        this.#any ??= new BySource();
        this.#any.add(route);
        continue;
      }
      for (const listener of route.listeners) {
        const bySource = this.#byListener.get(listener) ?? new BySource();
        this.#byListener.set(listener, bySource);
        bySource.add(route);
      }
    }
  }

  find(query: RouteQuery): R | undefined {
    return this.#byListener.get(query.listener)?.find(query) ?? this.#any?.find(query);
  }
}

class BySource<R extends RouteCriteria> {
  #byPrefix: PrefixMap<ByProtocol<R>> | undefined;
  #any: ByProtocol<R> | undefined;

  add(route: R): void {
    if (route.sources === undefined) {
      this.#any ??= new ByProtocol();
      this.#any.add(route);
      return;
    }
    this.#byPrefix ??= new PrefixMap();
    for (const source of route.sources) {
      const cidr = checkedCidr(source);
      const byProtocol = this.#byPrefix.get(cidr) ?? new ByProtocol();
      this.#byPrefix.set(cidr, byProtocol);
      byProtocol.add(route);
    }
  }

  find(query: RouteQuery): R | undefined {
    return this.#findByPrefix(query) ?? this.#any?.find(query);
  }

  #findByPrefix(query: RouteQuery): R | undefined {
    if (this.#byPrefix === undefined || query.source === undefined) return undefined;
    const address = parseIpAddress(query.source);
    if (address === undefined) return undefined;
    return this.#byPrefix.search(address, (byProtocol) => byProtocol.find(query));
  }
}

class ByProtocol<R extends RouteCriteria> {
  #byProtocol: Map<string, R> | undefined;
  #any: R | undefined;

  add(route: R): void {
    if (route.alpn === undefined) {
      this.#any ??= route;
      return;
    }
    this.#byProtocol ??= new Map();
    for (const protocol of route.alpn) {
      if (!this.#byProtocol.has(protocol)) this.#byProtocol.set(protocol, route);
    }
  }

  find(query: RouteQuery): R | undefined {
    if (this.#byProtocol !== undefined && !query.plainTcp) {
      for (const protocol of query.alpn) {
        const route = this.#byProtocol.get(protocol);
        if (route !== undefined) return route;
      }
    }
    return this.#any;
  }
}
