/** The cached fields of a comparison, each with its time on both sides. */
import type { Time } from '../shared/latency-view.tsx';
import type { ReportRow } from '../request/report.ts';
import { pathText } from '../words/report-words.ts';
import { simulatedMsOf, type SimulatedLatency } from '../request/simulated-latency.ts';
import type { Reports } from './verdict.ts';

export interface FieldTime extends Time {
  readonly row: ReportRow;
}

export interface FieldTimes {
  /** The path in the response: `searchProducts[0].reviews`. */
  readonly path: string;
  /** `Type.field`. */
  readonly field: string;
  /** Undefined: the field did not run on this side, for example because its parent's value was cached with it. */
  readonly database: FieldTime | undefined;
  readonly cache: FieldTime | undefined;
}

/** In the order of the response that bypassed the cache; then those that ran only on the other side. */
export function fieldTimesOf(reports: Reports, latency: SimulatedLatency): readonly FieldTimes[] {
  const database = byPath(reports.database);
  const cache = byPath(reports.cache);
  const timeOf = (row: ReportRow | undefined): FieldTime | undefined =>
    row && { ms: row.durationMs, simulatedMs: simulatedMsOf(row, latency), row };
  return [...new Map([...database, ...cache])].map(([path, { field }]) => ({
    path,
    field,
    database: timeOf(database.get(path)),
    cache: timeOf(cache.get(path)),
  }));
}

function byPath(rows: readonly ReportRow[]): ReadonlyMap<string, ReportRow> {
  return new Map(rows.map((row) => [pathText(row.path), row]));
}
