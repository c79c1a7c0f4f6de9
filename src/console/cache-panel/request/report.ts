/** `extensions.cache` of a response, as `docs/observing.md` describes it. */

/** One cached field that ran. Durations in milliseconds. */
export interface ReportRow {
  readonly path: readonly (string | number)[];
  /** `Type.field`. */
  readonly field: string;
  readonly source: 'cache' | 'database';
  readonly state: 'hit' | 'stale' | 'miss' | 'bypass' | 'refresh' | 'shared';
  readonly tier?: 'memory' | 'redis' | null;
  /** When the field began, after that of the first row did. Older servers omit it. */
  readonly startMs?: number;
  readonly durationMs: number;
  readonly ageMs?: number | null;
  readonly ttlMs?: number | null;
  readonly key: string;
  /** Why the value was not stored. */
  readonly notStored?: string;
}

export interface Report {
  readonly fields: readonly ReportRow[];
  /** The number of rows that the server omitted. */
  readonly more: number;
}

/** The report in a response; undefined if it has none. */
export function reportIn(response: unknown): Report | undefined {
  const { fields, more } = (response as { extensions?: { cache?: Partial<Report> } } | null)?.extensions?.cache ?? {};
  return Array.isArray(fields) ? { fields: fields as ReportRow[], more: more ?? 0 } : undefined;
}
