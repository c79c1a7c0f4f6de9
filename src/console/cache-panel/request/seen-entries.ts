/** The entries that responses on this page have reported: when they expire, and how often there was one. */
import { createStore } from 'zustand/vanilla';
import type { ReportRow } from './report.ts';

export interface SeenEntry {
  readonly key: string;
  /** `Type.field`. */
  readonly field: string;
  /** When it was reported, and when its TTL ends; as `Date.now()`. */
  readonly seenMs: number;
  readonly expiresMs: number;
}

export interface SeenEntries {
  /** Those that have expired, and the present one of each key. */
  readonly entries: readonly SeenEntry[];
  readonly rows: number;
  readonly hits: number;
}

const entriesMax = 500;

export const noEntries: SeenEntries = { entries: [], rows: 0, hits: 0 };

/** One for the page. */
export const seenEntries = createStore<SeenEntries>(() => noEntries);

/** @param arrivedMs When the response arrived, as `Date.now()`. */
export function noteEntries(rows: readonly ReportRow[], arrivedMs: number): void {
  seenEntries.setState((seen) => withRows(seen, rows, arrivedMs));
}

export function withRows(seen: SeenEntries, rows: readonly ReportRow[], arrivedMs: number): SeenEntries {
  const reported = new Map<string, SeenEntry>();
  for (const { key, field, ttlMs } of rows)
    if (ttlMs != null) reported.set(key, { key, field, seenMs: arrivedMs, expiresMs: arrivedMs + ttlMs });
  const others = seen.entries.filter(({ key, expiresMs }) => expiresMs <= arrivedMs || !reported.has(key));
  const hits = rows.filter(({ source }) => source === 'cache').length;
  return {
    entries: [...others, ...reported.values()].slice(-entriesMax),
    rows: seen.rows + rows.length,
    hits: seen.hits + hits,
  };
}
