import type { Endpoint } from '../endpoint.ts';
import type { WorkerSlot } from '../worker-slot.ts';
import type { Balancer, PickRequest } from './balancer.ts';
import { EndpointHeap } from './endpoint-heap.ts';
import { stagger } from './stagger.ts';

/** Past this the virtual clock starts again at 0, so that sums of 1 / weight keep their precision. */
const virtualClockLimit = 2 ** 20;

/**
 * Smooth weighted round-robin. An endpoint of weight w is due every 1/w on a virtual clock, and the earliest due
 * is next: the even spread of nginx's algorithm, at O(log n) a pick where that one looks at every endpoint.
 */
export class RoundRobin implements Balancer {
  readonly #worker: WorkerSlot;
  /** Ranked by the virtual time at which each is due. */
  readonly #queue = new EndpointHeap();
  /** The candidates, each with the weight its due time was reckoned by. */
  #weights = new Map<Endpoint, number>();
  #virtualNow = 0;

  constructor(worker: WorkerSlot) {
    this.#worker = worker;
  }

  /** An endpoint that stays keeps the part of its wait that is left, so that frequent changes favour nobody. */
  reset(candidates: readonly Endpoint[]): void {
    const waits = new Map<Endpoint, number>();
    candidates.forEach((endpoint, index) => {
      waits.set(endpoint, this.#waitLeft(endpoint) ?? stagger(index, candidates.length, this.#worker));
    });
    this.#queue.clear();
    this.#weights = new Map();
    this.#virtualNow = 0;
    for (const [endpoint, wait] of waits) {
      const turn = this.#weights.size;
      this.#weights.set(endpoint, endpoint.effectiveWeight);
      this.#queue.place(endpoint, wait / endpoint.effectiveWeight, turn);
    }
  }

  pick(_request: PickRequest, tried: readonly Endpoint[]): Endpoint | undefined {
    const next = this.#queue.least(tried);
    if (next === undefined) return undefined;
    this.#virtualNow = next.rank;
    this.#queue.place(next.endpoint, next.rank + 1 / next.endpoint.effectiveWeight, next.turn);
    if (this.#virtualNow > virtualClockLimit) this.reset([...this.#weights.keys()]);
    return next.endpoint;
  }

  /** In turns: 1 has just had its turn, 0 is due now, less was passed over because it had been tried. */
  #waitLeft(endpoint: Endpoint): number | undefined {
    const due = this.#queue.find(endpoint)?.rank;
    const weight = this.#weights.get(endpoint);
    if (due === undefined || weight === undefined) return undefined;
    return (due - this.#virtualNow) * weight;
  }
}
