import type { ResolvedService } from './name-lookup.ts';

/** RFC 2782 gives a weight of 0 beside greater ones "a very small chance": the least of them by this. */
const smallChanceDivisor = 100;
const greatestWeight = 65_535;

/**
 * The weight that each address of each service gets, all services being of one priority. An SRV record's weight
 * is its target's: one with two addresses (or one of each family) gets no more than one with a single address.
 * The records' own numbers times `sourceWeight` where no service has several addresses; else multiples of them,
 * as whole numbers need. From 1 to 65535, or all 0 for a `sourceWeight` of 0. In the order of `services`.
 */
export function addressWeights(services: readonly ResolvedService[], sourceWeight: number): number[] {
  if (sourceWeight === 0) {
    return services.map(() => 0);
  }
  const weights = recordWeights(services.map((service) => service.weight));
  const counts = services.map((service) => Math.max(1, service.addresses.length));
  const scale = sourceWeight * counts.reduce(leastCommonMultiple, 1);
  const wanted = weights.map((weight, index) => (weight / (counts[index] ?? 1)) * scale);
  const shrink = Math.min(1, greatestWeight / Math.max(...wanted));
  return wanted.map((weight) => Math.max(1, Math.round(weight * shrink)));
}

/** The records' weights with every 0 replaced by what it means beside the others. */
function recordWeights(weights: readonly number[]): number[] {
  const positive = weights.filter((weight) => weight > 0);
  if (positive.length === 0) {
    return weights.map(() => 1);
  }
  if (positive.length === weights.length) {
    return positive;
  }
  const least = Math.min(...positive);
  return weights.map((weight) => (weight === 0 ? least : weight * smallChanceDivisor));
}

function leastCommonMultiple(a: number, b: number): number {
  return (a / greatestCommonDivisor(a, b)) * b;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
