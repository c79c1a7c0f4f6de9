/** What the cached fields of an operation did, for `extensions.cache` and for the response cache. */
import type { EntryRef, Key, Outcome, RevalidatedHit, TaggedValue, Tier } from '../cache/index.ts';
import type { HttpPolicy } from './http-policy.ts';

/** One cached field that ran. Durations in milliseconds. */
export interface ReportRow {
  readonly path: readonly (string | number)[];
  /** `Type.field`. */
  readonly field: string;
  readonly source: 'cache' | 'database';
  readonly state: Outcome['state'];
  /** Where the value was found, if it was. */
  readonly tier?: Tier;
  /** When the field began, after that of the first row did. Hits that are revalidated together begin together. */
  readonly startMs: number;
  readonly durationMs: number;
  /** How long the value has been stored, and how long it remains fresh, if it is stored. */
  readonly ageMs?: number;
  readonly ttlMs?: number;
  readonly key: string;
  /** Whether an expired value was returned because its load has failed a moment ago, or takes long. */
  readonly isFallback?: boolean;
  /** Why the value was not stored, such as `instance of Decimal at 0.price`, without values that clients sent. */
  readonly notStored?: string;
}

/** `extensions.cache` of one operation: a row for each cached field that ran, at most 100. */
export interface CacheReport {
  readonly fields: readonly ReportRow[];
  /** The number of rows that were omitted. */
  readonly more?: number;
}

/** A field whose value came from an entry. */
export interface FieldHit {
  readonly path: ReportRow['path'];
  readonly entryRef: EntryRef;
  readonly http: HttpPolicy;
}

/** How long a stored value may be reused. */
export interface Freshness {
  readonly http: HttpPolicy;
  /** How long the value remains fresh. */
  readonly ttlMs: number;
}

/** A field whose value is stored. */
export interface StoredField extends Freshness {
  readonly value: TaggedValue;
}

const rowsMax = 100;

/** A field that has returned a value. */
interface Done {
  readonly key: Key;
  readonly path: ReportRow['path'];
  readonly outcome: Outcome;
  readonly http: HttpPolicy;
}

interface Report {
  /** In the order in which their fields began; undefined for one that has not ended. */
  readonly rows: (Done | undefined)[];
  /** The number of fields that began after the last row was taken. */
  more: number;
  /** The rows as they are reported, until another one is filled. */
  shown: readonly ReportRow[] | undefined;
  /** How often something that the rows do not show was recorded; see `noteUnreported`. */
  unreported: number;
}

/** By the context of the operation, which lives as long as its request. */
const reports = new WeakMap<object, Report>();

/** What the cached fields under `context` did, in the order in which they began; undefined if none has returned a value. */
export function cacheReportOf(context: object): CacheReport | undefined {
  const report = reports.get(context);
  if (report === undefined) return undefined;
  const fields = (report.shown ??= shownRows(report));
  if (fields.length === 0) return undefined;
  return report.more > 0 ? { fields, more: report.more } : { fields };
}

function shownRows({ rows }: Report): readonly ReportRow[] {
  const done = rows.filter((one) => one !== undefined);
  const firstMs = done[0]?.outcome.startedMs ?? 0;
  return done.map((one) => rowOf(one, firstMs));
}

/** The cached fields under `context`, if all of their values came from entries; otherwise undefined. */
export function fieldHitsOf(context: object): readonly FieldHit[] | undefined {
  const report = reports.get(context);
  if (!isWhole(report)) return undefined;
  const hits: FieldHit[] = [];
  for (const done of report.rows) {
    if (done?.outcome.entryRef === undefined) return undefined;
    hits.push({ path: done.path, entryRef: done.outcome.entryRef, http: done.http });
  }
  return hits;
}

/** The values of the cached fields, if all of them are stored; otherwise undefined. */
export function storedFieldsOf(context: object): readonly StoredField[] | undefined {
  const report = reports.get(context);
  if (!isWhole(report)) return undefined;
  const done = report.rows.filter((row) => row !== undefined);
  const lastMs = Math.max(...done.map(({ outcome }) => endMsOf(outcome)));
  const fields = done.flatMap(({ outcome, http }) => {
    const { key, stamps } = outcome.dependency;
    if (outcome.ttlMs === null || stamps === undefined) return [];
    // The response ends with the field that took longest, and the others have aged meanwhile.
    const ttlMs = Math.max(0, Math.round(outcome.ttlMs - (lastMs - endMsOf(outcome))));
    return [{ http, ttlMs, value: { key: key.text, field: key.field, stamps } }];
  });
  return fields.length === report.rows.length ? fields : undefined;
}

function endMsOf({ startedMs, durationMs }: Outcome): number {
  return startedMs + durationMs;
}

/** Reserves a row for a field that begins; the returned function fills it. A context that is not an object has no report. */
export function openRow(
  context: unknown,
  { key, http, path }: { key: Key; http: HttpPolicy; path: () => readonly (string | number)[] },
): ((outcome: Outcome) => void) | undefined {
  const report = reportFor(context);
  if (report === undefined) return undefined;
  if (report.rows.length >= rowsMax) {
    report.more += 1;
    return undefined;
  }
  const index = report.rows.push(undefined) - 1;
  return (outcome) => {
    report.rows[index] = { key, path: path(), outcome, http };
    report.shown = undefined;
  };
}

/** Records that the rows do not show all that the response depends on, such as a field that is resolved without the cache. */
export function noteUnreported(context: unknown): void {
  const report = reportFor(context);
  if (report !== undefined) report.unreported += 1;
}

/** Whether every cached field has a row, and nothing was left out. */
function isWhole(report: Report | undefined): report is Report {
  return report !== undefined && report.more === 0 && report.unreported === 0;
}

function reportFor(context: unknown): Report | undefined {
  if (typeof context !== 'object' || context === null) return undefined;
  const report = reports.get(context) ?? { rows: [], more: 0, shown: undefined, unreported: 0 };
  reports.set(context, report);
  return report;
}

/**
 * Writes the JSON of `extensions.cache` for hits of these fields, as `JSON.stringify` would, but faster. It is ASCII, as names in
 * GraphQL and keys are.
 */
export function reportWriter(fields: readonly FieldHit[]): (hits: readonly RevalidatedHit[]) => string {
  const rows = fields.map(({ path, entryRef: { field, key } }) => {
    const [before, after] = [JSON.stringify({ path, field, source: 'cache', state: 'hit' }), JSON.stringify({ key })];
    return { before: `${before.slice(0, -1)},"tier":"`, after: `,${after.slice(1)}` };
  });
  return (hits) => {
    let text = '{"fields":[';
    for (const [index, hit] of hits.entries()) {
      const { durationMs, ageMs, ttlMs } = rounded(hit);
      const { before = '', after = '' } = rows[index] ?? {};
      text += `${index === 0 ? '' : ','}${before}${hit.tier}","startMs":0,"durationMs":${durationMs},"ageMs":${ageMs},"ttlMs":${ttlMs}${after}`;
    }
    return `${text}]}`;
  };
}

/** The rows of `extensions.cache` for hits of these fields. */
export function rowsOfHits(fields: readonly FieldHit[], hits: readonly RevalidatedHit[]): readonly ReportRow[] {
  return hits.map((hit, index) => {
    const { field, key } = hit.entryRef;
    const path = fields[index]?.path ?? [];
    return { path, field, source: 'cache', state: 'hit', tier: hit.tier, startMs: 0, ...rounded(hit), key };
  });
}

/** @param firstMs When the field of the first row began. */
function rowOf({ key, path, outcome }: Done, firstMs: number): ReportRow {
  const { state, tier, startedMs } = outcome;
  return {
    path,
    field: key.field,
    source: state === 'hit' || state === 'stale' ? 'cache' : 'database',
    state,
    ...(tier === null ? {} : { tier }),
    startMs: toHundredths(startedMs - firstMs),
    ...rounded(outcome),
    key: key.text,
    ...(outcome.isFallback === true ? { isFallback: true } : {}),
    ...(outcome.notStored === undefined ? {} : { notStored: outcome.notStored }),
  };
}

function rounded({
  durationMs,
  ageMs,
  ttlMs,
}: Pick<Outcome, 'durationMs' | 'ageMs' | 'ttlMs'>): Pick<ReportRow, 'durationMs' | 'ageMs' | 'ttlMs'> {
  return {
    durationMs: toHundredths(durationMs),
    ...(ageMs === null ? {} : { ageMs: Math.round(ageMs) }),
    ...(ttlMs === null ? {} : { ttlMs: Math.round(ttlMs) }),
  };
}

function toHundredths(ms: number): number {
  return Math.round(ms * 100) / 100;
}
