/**
 * Decides whether a value is loaded again although it is still fresh: the nearer its end, and the longer its load takes, the more
 * probably. Of many requests, about one does so in time, without any coordination.
 *
 * Source: Vattani, Chierichetti, Lowenstein, Optimal Probabilistic Cache Stampede Prevention (VLDB 2015), algorithm XFetch with β = 1.
 */
import type { EntryRef } from './entry/entry.ts';

const beta = 1;

/** @param random 0…1. */
export function isDueEarly(
  { loadMs, freshMs }: Pick<EntryRef, 'loadMs' | 'freshMs'>,
  remainingMs: number,
  random: () => number,
): boolean {
  // A slow load of a value that is fresh for a short time would otherwise be repeated without end.
  const typicalMs = Math.min(Math.max(1, loadMs), freshMs / 4);
  return -beta * typicalMs * Math.log(random()) >= remainingMs;
}
