import type { Connection } from '../data-plane/data-plane.ts';
import type { RouteQuery } from '../routing/route-criteria.ts';
import type { ClientHello } from '../tls/client-hello.ts';

const noProtocols: readonly string[] = [];

/** What routing asks about a connection, read only when some route asks. */
export class ConnectionQuery implements RouteQuery {
  readonly serverName: string | undefined;
  readonly #connection: Connection;
  readonly #hello: ClientHello | undefined;

  constructor(connection: Connection, serverName: string | undefined, hello: ClientHello | undefined) {
    this.serverName = serverName;
    this.#connection = connection;
    this.#hello = hello;
  }

  get alpn(): readonly string[] {
    return this.#hello?.alpn ?? noProtocols;
  }

  get source(): string {
    return this.#connection.client.address;
  }

  get listener(): string {
    return this.#connection.listener.name;
  }

  get plainTcp(): boolean {
    return this.#hello === undefined;
  }
}
