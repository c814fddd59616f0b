import type { BalanceMethod } from '../../config/snapshot.ts';
import type { WorkerSlot } from '../worker-slot.ts';
import type { Balancer } from './balancer.ts';
import { LeastConnections } from './least-connections.ts';
import { RandomTwoChoices } from './random-two-choices.ts';
import { RoundRobin } from './round-robin.ts';
import { ServerNameHash } from './server-name-hash.ts';
import { SourceHash } from './source-hash.ts';

/** A balancer of the configured method. `random` gives numbers from 0 up to, not including, 1. */
export function newBalancer(method: BalanceMethod, worker: WorkerSlot, random: () => number): Balancer {
  switch (method) {
    case 'round-robin':
      return new RoundRobin(worker);
    case 'least-connections':
      return new LeastConnections(worker);
    case 'random-two-choices':
      return new RandomTwoChoices(random);
    case 'source-hash':
      return new SourceHash();
    case 'server-name-hash':
      return new ServerNameHash();
  }
}
