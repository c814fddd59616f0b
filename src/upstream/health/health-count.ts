import type { ActiveHealthSnapshot } from '../../config/snapshot.ts';

/** Where an endpoint stands between probes. */
export interface HealthCount {
  readonly state: 'up' | 'down';
  /** Results in a row that speak against `state`. */
  readonly against: number;
  /** Whether any probe has come to a result yet. */
  readonly proven: boolean;
}

/**
 * Before its first probe an endpoint is up, so that a proxy that has just started serves at once; the first result
 * decides alone. Both are what HAProxy does (`init-state up`).
 */
export const unproven: HealthCount = { state: 'up', against: 0, proven: false };

export function countResult(
  count: HealthCount,
  passed: boolean,
  settings: Pick<ActiveHealthSnapshot, 'healthyAfter' | 'unhealthyAfter'>,
): HealthCount {
  const seen = passed ? 'up' : 'down';
  if (seen === count.state) {
    return { state: seen, against: 0, proven: true };
  }
  const needed = passed ? settings.healthyAfter : settings.unhealthyAfter;
  const against = count.against + 1;
  return !count.proven || against >= needed
    ? { state: seen, against: 0, proven: true }
    : { state: count.state, against, proven: true };
}
