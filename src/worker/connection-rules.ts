import type { RouteAction, Snapshot } from '../config/snapshot.ts';
import { CidrSet } from '../routing/cidr.ts';
import { RouteTable } from '../routing/route-table.ts';

/** What a snapshot says about new connections, made ready to be asked. Changes nothing and nobody until it is used. */
export class ConnectionRules {
  readonly snapshot: Snapshot;
  readonly table: RouteTable<RouteAction>;
  readonly limitsSources: boolean;
  readonly #helloTimeoutMs: ReadonlyMap<string, number>;
  readonly #trustedProxies: ReadonlyMap<string, CidrSet>;

  constructor(snapshot: Snapshot) {
    this.snapshot = snapshot;
    this.table = new RouteTable(snapshot.routes);
    const { maxConnectionsPerSource, newConnectionsPerSource } = snapshot.limits;
    this.limitsSources = maxConnectionsPerSource !== undefined || newConnectionsPerSource !== undefined;
    this.#helloTimeoutMs = new Map(
      snapshot.listeners.map(({ name, helloTimeoutMs }) => [name, helloTimeoutMs]),
    );
    this.#trustedProxies = new Map(
      snapshot.listeners.flatMap(({ name, acceptProxyFrom }) =>
        acceptProxyFrom ? [[name, new CidrSet(acceptProxyFrom)]] : [],
      ),
    );
  }

  /** Names of listeners, and how long a connection may take to say where it wants to go. */
  get helloTimeouts(): Iterable<[listener: string, helloTimeoutMs: number]> {
    return this.#helloTimeoutMs;
  }

  hasListener(name: string): boolean {
    return this.#helloTimeoutMs.has(name);
  }

  /** Whether connections from there must start with a PROXY header. */
  trustsProxy(listener: string, address: string): boolean {
    return this.#trustedProxies.get(listener)?.has(address) ?? false;
  }
}
