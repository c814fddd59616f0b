import type { ServerNameUpstreamSnapshot } from '../config/snapshot.ts';
import { packRoutes } from '../routing/pack-routes.ts';
import { RouteTable } from '../routing/route-table.ts';
import type { NameLookup } from '../upstream/dns/name-lookup.ts';
import type { OwnListeners } from '../upstream/own-listeners.ts';
import { ServerNameResolution, type ServerNameResult } from '../upstream/server-name-resolution.ts';

/** Where the connections of an upstream go that connects to whatever name the client asks for. */
export class ServerNameTargets {
  readonly #allowed: RouteTable<unknown>;
  readonly #resolution: ServerNameResolution;

  constructor(settings: ServerNameUpstreamSnapshot, names: NameLookup, ownListeners: OwnListeners) {
    const { port, allow, allowPrivate } = settings;
    this.#allowed = new RouteTable(
      packRoutes([{ name: 'allow', serverNames: allow, wildcard: 'any-depth' }]),
    );
    this.#resolution = new ServerNameResolution({ port, allowPrivate, ownListeners, names });
  }

  /** `serverName` in normal form. */
  allows(serverName: string): boolean {
    return (
      this.#allowed.find({ serverName, alpn: [], source: undefined, listener: '', plainTcp: false }) !==
      undefined
    );
  }

  /** What is known at once, else a promise of it that never rejects. */
  resolve(serverName: string): ServerNameResult | Promise<ServerNameResult> {
    return this.#resolution.known(serverName) ?? this.#resolution.resolve(serverName);
  }
}
