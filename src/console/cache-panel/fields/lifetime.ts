/** How long a value has been stored, and how long it remains, in words. */
import type { ReportRow } from '../request/report.ts';
import { formatDuration } from '../words/format-duration.ts';

/**
 * How long the value has been stored; undefined for a value that is not.
 *
 * @param sinceMs How long ago the response arrived; undefined if that is not known.
 */
export function ageText(ageMs: number | null | undefined, sinceMs: number | undefined): string | undefined {
  return ageMs == null || sinceMs === undefined ? undefined : `stored ${formatDuration(ageMs + sinceMs)} ago`;
}

/**
 * What remains of the TTL; undefined for a value that is not stored.
 *
 * @param sinceMs How long ago the response arrived; undefined if that is not known.
 */
export function ttlText(ttlMs: number | null | undefined, sinceMs: number | undefined): string | undefined {
  if (ttlMs == null) return undefined;
  if (sinceMs === undefined) return `${formatDuration(ttlMs, Math.ceil)} to live when it arrived`;
  const leftMs = ttlMs - sinceMs;
  return leftMs > 0 ? `expires in ${formatDuration(leftMs, Math.ceil)}` : 'expired';
}

/** The part of its TTL that a value has left, 0 to 1; undefined if that is not known. */
export function ttlLeft(
  { ageMs, ttlMs }: Pick<ReportRow, 'ageMs' | 'ttlMs'>,
  sinceMs: number | undefined,
): number | undefined {
  if (ttlMs == null || sinceMs === undefined) return undefined;
  const totalMs = (ageMs ?? 0) + ttlMs;
  return totalMs <= 0 ? 0 : Math.max(0, (ttlMs - sinceMs) / totalMs);
}
