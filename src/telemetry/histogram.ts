import type { Row } from './tally.ts';

/** The upper bounds of a histogram's buckets; values beyond the last are counted in one more. */
export type Bounds = readonly number[];

/** How a histogram lies in a row of a tally: a count for each bucket, not cumulated, then the sum of all values. */
export function histogramWidth(bounds: Bounds): number {
  return bounds.length + 2;
}

export function observe(row: Row, bounds: Bounds, value: number): void {
  let bucket = 0;
  while (bucket < bounds.length && value > (bounds[bucket] ?? 0)) bucket++;
  row[bucket] = (row[bucket] ?? 0) + 1;
  const sum = bounds.length + 1;
  row[sum] = (row[sum] ?? 0) + value;
}
