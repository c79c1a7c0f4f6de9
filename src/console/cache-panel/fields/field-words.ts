/** What a row of the report says, in words. */
import { formatDuration } from '../words/format-duration.ts';
import type { ReportRow } from '../request/report.ts';

const stateTexts: Record<ReportRow['state'], string> = {
  hit: 'Hit',
  stale: 'Stale',
  miss: 'Miss',
  bypass: 'Bypass',
  refresh: 'Refresh',
  shared: 'Shared',
};

const meanings: Record<ReportRow['state'], string> = {
  hit: 'found in the cache',
  stale: 'expired; returned while it is loaded again',
  miss: 'not in the cache, so it was loaded',
  bypass: 'loaded without the cache',
  refresh: 'loaded to replace the cached value',
  shared: 'another request loaded it meanwhile',
};

const tierTexts = { memory: 'memory tier', redis: 'Redis' } as const;

export function stateText(state: ReportRow['state']): string {
  return stateTexts[state];
}

export function stateMeaning(state: ReportRow['state']): string {
  return meanings[state];
}

export function tierText(tier: keyof typeof tierTexts): string {
  return tierTexts[tier];
}

/** `Cache, Redis`, `Database`. */
export function sourceText({ source, tier }: Pick<ReportRow, 'source' | 'tier'>): string {
  if (source === 'database') return 'Database';
  return tier == null ? 'Cache' : `Cache, ${tierTexts[tier]}`;
}

/** `topCached[2].reviews`. */
export function pathText(path: ReportRow['path']): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? part : `${text}.${part}`;
  }, '');
}

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
