/** Bounds of how long an answer is used before its name is looked up again. */
export interface TtlBounds {
  readonly minTtlMs: number;
  readonly maxTtlMs: number;
  /** For answers that there is nothing: they are looked up again sooner, since somebody waits for the name. */
  readonly maxNegativeTtlMs: number;
}

const firstRetryMs = 1000;
const longestRetryMs = 30_000;
/** For a negative answer without a SOA record; RFC 2308 section 5 would not have it remembered at all. */
const unknownNegativeTtlMs = 5000;

/**
 * How long to use an answer: up to a tenth less than its TTL, so that names looked up together drift apart, and
 * yet a change is seen within the TTL. `random` is in [0, 1).
 */
export function usableMs(ttlSeconds: number, bounds: TtlBounds, random: number): number {
  return between(bounds.minTtlMs, ttlSeconds * 1000 * (1 - random / 10), bounds.maxTtlMs);
}

export function negativeUsableMs(ttlSeconds: number | undefined, bounds: TtlBounds, random: number): number {
  const ttlMs = ttlSeconds === undefined ? unknownNegativeTtlMs : ttlSeconds * 1000;
  return between(bounds.minTtlMs, ttlMs * (1 - random / 10), bounds.maxNegativeTtlMs);
}

/** How long to wait after the `failures`th failure in a row: doubling from 1 s to 30 s, up to a quarter more. */
export function retryMs(failures: number, random: number): number {
  return Math.min(firstRetryMs * 2 ** (failures - 1), longestRetryMs) * (1 + random / 4);
}

function between(least: number, value: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
