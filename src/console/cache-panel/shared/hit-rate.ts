/** In percent, as `cacheStats` counts: a bypass or a refresh is neither a hit nor a miss. Undefined without hits and misses. */
export function hitRateOf({ hits, misses }: { readonly hits: number; readonly misses: number }): number | undefined {
  return hits + misses === 0 ? undefined : (100 * hits) / (hits + misses);
}
