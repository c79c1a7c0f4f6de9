/** What the cached fields of an operation did: for `extensions.cache`, and to know whether all came from entries. */
import type { EntryRef, Key, Outcome, RevalidatedHit } from '../cache/index.ts';

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
  /** Why the value was not stored, such as `instance of Decimal at 0.price`, without values that clients sent. */
  readonly notStored?: string;
}

/** `extensions.cache` of one operation: a row for each cached field that ran, 100 at most. */
export interface CacheReport {
  readonly fields: readonly ReportRow[];
  /** How many rows were left out. */
  readonly more?: number;
}

/** A field that was given the value of an entry. */
export interface FieldHit {
  readonly path: ReportRow['path'];
  readonly held: EntryRef;
  readonly httpMs: number | undefined;
}

/** For how long a stored value may be given on. */
export interface Lasting {
  /** What its policy says of HTTP. */
  readonly httpMs: number | undefined;
  readonly ttlMs: number;
}

const rowsMax = 100;

interface Done {
  readonly row: ReportRow;
  readonly held: EntryRef | undefined;
  readonly httpMs: number | undefined;
}

interface Rows {
  readonly open: (Done | undefined)[];
  more: number;
}

/** By the context of the operation, which lives as long as its request. */
const reports = new WeakMap<object, Rows>();

/** What the cached fields under `context` did, in the order in which they began; undefined where none gave a value. */
export function cacheReportOf(context: object): CacheReport | undefined {
  const rows = reports.get(context);
  if (rows === undefined) return undefined;
  const fields = rows.open.flatMap((done) => done?.row ?? []);
  if (fields.length === 0) return undefined;
  return rows.more > 0 ? { fields, more: rows.more } : { fields };
}

/** The cached fields under `context`, where all of them were given values of entries; else undefined. */
export function fieldHitsOf(context: object): readonly FieldHit[] | undefined {
  const rows = reports.get(context);
  if (rows === undefined || rows.more > 0) return undefined;
  const hits: FieldHit[] = [];
  for (const done of rows.open) {
    if (done?.held === undefined) return undefined;
    hits.push({ path: done.row.path, held: done.held, httpMs: done.httpMs });
  }
  return hits;
}

/** For how long the values of the cached fields may be given on, where all of them are stored; else undefined. */
export function storedFieldsOf(context: object): readonly Lasting[] | undefined {
  const rows = reports.get(context);
  if (rows === undefined || rows.more > 0) return undefined;
  const fields = rows.open.flatMap((done) => {
    const ttlMs = done?.row.ttlMs ?? null;
    return done === undefined || ttlMs === null ? [] : [{ httpMs: done.httpMs, ttlMs }];
  });
  return fields.length === rows.open.length ? fields : undefined;
}

/** Keeps a place for a field that begins; the returned function fills it in. A context that is no object has no report. */
export function openRow(
  context: unknown,
  { key, httpMs, path }: { key: Key; httpMs: number | undefined; path: () => readonly (string | number)[] },
): ((outcome: Outcome) => void) | undefined {
  const rows = rowsFor(context);
  if (rows === undefined) return undefined;
  if (rows.open.length >= rowsMax) {
    rows.more += 1;
    return undefined;
  }
  const index = rows.open.push(undefined) - 1;
  return (outcome) => {
    rows.open[index] = { row: rowOf(key, path(), outcome), held: outcome.entryRef, httpMs };
  };
}

/** Says that a field runs past the cache, and of itself has no row. */
export function noteUnreported(context: unknown): void {
  rowsFor(context)?.open.push(undefined);
}

function rowsFor(context: unknown): Rows | undefined {
  if (typeof context !== 'object' || context === null) return undefined;
  const rows = reports.get(context) ?? { open: [], more: 0 };
  reports.set(context, rows);
  return rows;
}

/**
 * The JSON of `extensions.cache` for hits of these fields, as `JSON.stringify` would write it, and quicker. It is ASCII:
 * names in GraphQL are, and keys.
 */
export function reportWriter(fields: readonly FieldHit[]): (hits: readonly RevalidatedHit[]) => string {
  const rows = fields.map(({ path, held: { field, key } }) => {
    const [before, after] = [JSON.stringify({ path, field, source: 'cache', state: 'hit' }), JSON.stringify({ key })];
    return { before: `${before.slice(0, -1)},"tier":"`, after: `,${after.slice(1)}` };
  });
  return (hits) => {
    let text = '{"fields":[';
    for (const [index, hit] of hits.entries()) {
      const { durationMs, ageMs, ttlMs } = rounded(hit);
      const { before = '', after = '' } = rows[index] ?? {};
      text += `${index === 0 ? '' : ','}${before}${hit.tier}","durationMs":${durationMs},"ageMs":${ageMs},"ttlMs":${ttlMs}${after}`;
    }
    return `${text}]}`;
  };
}

/** The rows of `extensions.cache` for hits of these fields. */
export function rowsOfHits(fields: readonly FieldHit[], hits: readonly RevalidatedHit[]): readonly ReportRow[] {
  return hits.map((hit, index) => {
    const { field, key } = hit.entryRef;
    const path = fields[index]?.path ?? [];
    return { path, field, source: 'cache', state: 'hit', tier: hit.tier, ...rounded(hit), key };
  });
}

function rowOf(key: Key, path: ReportRow['path'], outcome: Outcome): ReportRow {
  const { state, tier } = outcome;
  return {
    path,
    field: key.field,
    source: state === 'hit' ? 'cache' : 'database',
    state,
    tier,
    ...rounded(outcome),
    key: key.text,
    ...(outcome.notStored === undefined ? {} : { notStored: outcome.notStored }),
  };
}

function rounded({
  durationMs,
  ageMs,
  ttlMs,
}: Pick<Outcome, 'durationMs' | 'ageMs' | 'ttlMs'>): Pick<ReportRow, 'durationMs' | 'ageMs' | 'ttlMs'> {
  return {
    durationMs: Math.round(durationMs * 100) / 100,
    ageMs: ageMs === null ? null : Math.round(ageMs),
    ttlMs: ttlMs === null ? null : Math.round(ttlMs),
  };
}
