/**
 * Decides whether a value is loaded again although it is still fresh: the nearer its end, and the longer its load takes, the more
 * probably. Of many requests, a few are due before the value expires; the lease lets one of them load.
 *
 * Source: Vattani, Chierichetti, Lowenstein, Optimal Probabilistic Cache Stampede Prevention (VLDB 2015): XFetch, with β = 1, as in the paper.
 */
import type { EntryRef } from './entry/entry.ts';

/** @param random 0…1. */
export function isDueEarly(
  { loadMs, freshMs }: Pick<EntryRef, 'loadMs' | 'freshMs'>,
  remainingMs: number,
  random: () => number,
): boolean {
  // Without this limit, a value whose load takes longer than its TTL would be due at almost every hit.
  const typicalMs = Math.min(Math.max(1, loadMs), freshMs / 4);
  return -typicalMs * Math.log(random()) >= remainingMs;
}
