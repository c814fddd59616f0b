import { performance } from 'node:perf_hooks';
import type { Connection } from '../data-plane/data-plane.ts';
import type { PickRequest } from '../upstream/balance/balancer.ts';

/** What choosing an endpoint asks about a connection; its address is made text only for those who hash it. */
export class EndpointQuery implements PickRequest {
  readonly serverName: string | undefined;
  readonly nowMs = performance.now();
  readonly #connection: Connection;

  constructor(connection: Connection, serverName: string | undefined) {
    this.#connection = connection;
    this.serverName = serverName;
  }

  get source(): string {
    return this.#connection.client.address;
  }
}
