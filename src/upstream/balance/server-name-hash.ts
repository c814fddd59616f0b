import type { Endpoint } from '../endpoint.ts';
import type { Balancer, PickRequest } from './balancer.ts';
import { Rendezvous } from './rendezvous.ts';

/**
 * The same server name gets the same endpoint, in every worker and after a restart, as long as it is usable. Clients
 * that send none are told apart by their address, rather than all sent to one endpoint.
 */
export class ServerNameHash implements Balancer {
  readonly #rendezvous = new Rendezvous();

  reset(candidates: readonly Endpoint[]): void {
    this.#rendezvous.reset(candidates);
  }

  pick(request: PickRequest, tried: readonly Endpoint[]): Endpoint | undefined {
    return this.#rendezvous.pick(request.serverName ?? request.source, tried);
  }
}
