import type { Endpoint } from '../endpoint.ts';

/** A returning endpoint's weight grows in this many equal steps, and starts at one of them: 5 % each. */
const steps = 20;

/**
 * Sets the weight that counts for now: an endpoint that came back into service gets a share that grows linearly over
 * `slowStartMs`. Returns when it must be set again; Infinity when it has its full weight.
 */
export function applySlowStart(endpoint: Endpoint, slowStartMs: number | undefined, nowMs: number): number {
  endpoint.effectiveWeight = endpoint.weight;
  if (endpoint.returnedAtMs === undefined || slowStartMs === undefined) return Number.POSITIVE_INFINITY;
  const step = Math.floor(((nowMs - endpoint.returnedAtMs) / slowStartMs) * steps);
  if (step >= steps) {
    endpoint.returnedAtMs = undefined;
    return Number.POSITIVE_INFINITY;
  }
  endpoint.effectiveWeight = (endpoint.weight * Math.max(step, 1)) / steps;
  return endpoint.returnedAtMs + ((Math.max(step, 1) + 1) * slowStartMs) / steps;
}
