/** What a comparison has measured, by the reports of both responses. */
import type { ReportRow } from '../request/report.ts';

/** The rows of the two reports. */
export interface Reports {
  readonly database: readonly ReportRow[];
  readonly cache: readonly ReportRow[];
}

export interface Verdict {
  /**
   * `uncached`: no cached field ran; `first-run`: a cached field had no value in the cache; `compared`: each had one, apart from those
   * that this request may not share.
   */
  readonly kind: 'uncached' | 'first-run' | 'compared';
  /** The number of cached fields on the cached side, and of those without a value in the cache. */
  readonly fields: number;
  readonly missed: number;
  /** Why values were not stored, or not looked for, each with its field. */
  readonly notStored: readonly string[];
}

/** @param cache The report of the side that used the cache. */
export function verdictOf(cache: readonly ReportRow[]): Verdict {
  const missed = cache.filter(({ state }) => state === 'miss' || state === 'shared' || state === 'refresh').length;
  const isUncached = cache.every(({ state }) => state === 'bypass');
  return {
    kind: isUncached ? 'uncached' : missed > 0 ? 'first-run' : 'compared',
    fields: cache.length,
    missed,
    notStored: [
      ...new Set(cache.flatMap(({ field, notStored }) => (notStored === undefined ? [] : [`${field}: ${notStored}`]))),
    ],
  };
}
