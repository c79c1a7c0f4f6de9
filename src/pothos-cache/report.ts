/** What the cached fields of a request did, for `extensions.cache`. */
import type { Key, Outcome } from '../cache/index.ts';

/** One cached field that ran. Durations in milliseconds. */
export interface ReportRow {
  readonly path: readonly (string | number)[];
  /** `Type.field`. */
  readonly field: string;
  readonly source: 'cache' | 'database';
  readonly state: Outcome['state'];
  readonly tier: Outcome['tier'];
  readonly durationMs: number;
  readonly ageMs: number | null;
  readonly ttlMs: number | null;
  readonly key: string;
}

/** `extensions.cache` of one operation: a row for each cached field that ran, 100 at most. */
export interface CacheReport {
  readonly fields: readonly ReportRow[];
  /** How many rows were left out. */
  readonly more?: number;
}

const rowsMax = 100;

interface Rows {
  readonly open: (ReportRow | undefined)[];
  more: number;
}

/** By the context of the operation, which lives as long as its request. */
const reports = new WeakMap<object, Rows>();

/** What the cached fields under `context` did, in the order in which they began; undefined where none gave a value. */
export function cacheReportOf(context: object): CacheReport | undefined {
  const rows = reports.get(context);
  if (rows === undefined) return undefined;
  const fields = rows.open.filter((row) => row !== undefined);
  if (fields.length === 0) return undefined;
  return rows.more > 0 ? { fields, more: rows.more } : { fields };
}

/** Keeps a place for a field that begins; the returned function fills it in. A context that is no object has no report. */
export function openRow(
  context: unknown,
  { key, path }: { key: Key; path: () => readonly (string | number)[] },
): ((outcome: Outcome) => void) | undefined {
  if (typeof context !== 'object' || context === null) return undefined;
  const rows = reports.get(context) ?? { open: [], more: 0 };
  reports.set(context, rows);
  if (rows.open.length === rowsMax) {
    rows.more += 1;
    return undefined;
  }
  const index = rows.open.push(undefined) - 1;
  return (outcome) => {
    rows.open[index] = rowOf(key, path(), outcome);
  };
}

function rowOf(key: Key, path: readonly (string | number)[], outcome: Outcome): ReportRow {
  const { state, tier, durationMs, ageMs, ttlMs } = outcome;
  return {
    path,
    field: key.field,
    source: state === 'hit' ? 'cache' : 'database',
    state,
    tier,
    durationMs: Math.round(durationMs * 100) / 100,
    ageMs: ageMs === null ? null : Math.round(ageMs),
    ttlMs: ttlMs === null ? null : Math.round(ttlMs),
    key: key.text,
  };
}
