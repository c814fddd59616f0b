import type { WorkerSlot } from '../worker-slot.ts';

/**
 * How long a candidate waits for its first turn, in turns (0 to 1). Spread over one round in the order of the
 * candidates, and shifted by the worker's part of it, so that workers started together don't all begin with the
 * same endpoint.
 */
export function stagger(index: number, count: number, worker: WorkerSlot): number {
  return ((index + 0.5) / count + worker.index / worker.count) % 1;
}
