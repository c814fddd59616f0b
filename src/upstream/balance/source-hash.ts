import type { Endpoint } from '../endpoint.ts';
import type { Balancer, PickRequest } from './balancer.ts';
import { Rendezvous } from './rendezvous.ts';

/**
 * The same client address gets the same endpoint, in every worker and after a restart, as long as it is usable. IPv6
 * counts in full: clients that share a /64 are spread, and one that changes its address within it may move.
 */
export class SourceHash implements Balancer {
  readonly #rendezvous = new Rendezvous();

  reset(candidates: readonly Endpoint[]): void {
    this.#rendezvous.reset(candidates);
  }

  pick(request: PickRequest, tried: readonly Endpoint[]): Endpoint | undefined {
    return this.#rendezvous.pick(request.source, tried);
  }
}
