import type { Endpoint } from '../endpoint.ts';
import type { WorkerSlot } from '../worker-slot.ts';
import type { Balancer, PickRequest } from './balancer.ts';
import { EndpointHeap } from './endpoint-heap.ts';
import { stagger } from './stagger.ts';

/**
 * The fewest connections for its weight; among equals, weighted round-robin. As in nginx, the connection to come is
 * not counted: by (connections + 1) / weight, an upstream with little to do would never use its lighter endpoints.
 *
 * A worker counts its own connections only. As each levels its part, the whole is level too: with 1,000 connections
 * on 10 endpoints, the busiest is 0.9 % above the mean with one worker, 1.1 % with 2, 2.5 % with 8. Telling workers of
 * each other's connections makes that worse unless it is done all the time: until they are told again, all of
 * them turn to the endpoint that looked free (8 workers told every tenth of a connection's life: 24 %).
 */
export class LeastConnections implements Balancer {
  readonly #worker: WorkerSlot;
  /** Ranked by load; `turn` is the virtual time, in rounds, at which an endpoint is due among equals. */
  readonly #queue = new EndpointHeap();
  #virtualNow = 0;

  constructor(worker: WorkerSlot) {
    this.#worker = worker;
  }

  reset(candidates: readonly Endpoint[]): void {
    const turns = candidates.map((endpoint, index) => {
      const turn = this.#queue.find(endpoint)?.turn;
      if (turn !== undefined) return turn - this.#virtualNow;
      return stagger(index, candidates.length, this.#worker) / endpoint.effectiveWeight;
    });
    this.#queue.clear();
    this.#virtualNow = 0;
    candidates.forEach((endpoint, index) => {
      this.#queue.place(endpoint, endpoint.load, turns[index] ?? 0);
    });
  }

  pick(_request: PickRequest, tried: readonly Endpoint[]): Endpoint | undefined {
    const next = this.#queue.least(tried);
    if (next === undefined) return undefined;
    // One that was busy while others had their turns has not saved its own up.
    this.#virtualNow = Math.max(this.#virtualNow, next.turn);
    this.#queue.place(next.endpoint, next.rank, this.#virtualNow + 1 / next.endpoint.effectiveWeight);
    return next.endpoint;
  }

  loadChanged(endpoint: Endpoint): void {
    const entry = this.#queue.find(endpoint);
    if (entry !== undefined) this.#queue.place(endpoint, endpoint.load, entry.turn);
  }
}
