/** Figures over many requests. Of too few requests, all of them are still values that were measured: nothing is interpolated. */

/**
 * The smallest measured value that at least `percent` of the values do not exceed (the nearest rank): of ten values, p95 and p99 are
 * the largest. https://en.wikipedia.org/wiki/Percentile#The_nearest-rank_method
 *
 * @param percent A whole number, 1…100.
 * @returns undefined without values.
 */
export function percentile(values: readonly number[], percent: number): number | undefined {
  // A product of whole numbers is exact; 0.95 × 20 need not be.
  const rank = Math.ceil((percent * values.length) / 100);
  return values.toSorted((a, b) => a - b)[rank - 1];
}

/** The mean; undefined without values. */
export function mean(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** @returns undefined if no time has passed. */
export function perSecond(count: number, elapsedMs: number): number | undefined {
  return elapsedMs > 0 ? (1_000 * count) / elapsedMs : undefined;
}
