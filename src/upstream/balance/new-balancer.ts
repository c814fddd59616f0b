import type { BalanceMethod } from '../../config/snapshot.ts';
import type { WorkerSlot } from '../worker-slot.ts';
import type { Balancer } from './balancer.ts';
import { RoundRobin } from './round-robin.ts';

/** A balancer of the configured method. `random` gives numbers from 0 up to, not including, 1. */
export function newBalancer(_method: BalanceMethod, worker: WorkerSlot, _random: () => number): Balancer {
  return new RoundRobin(worker);
}
