/** Runs an operation once bypassing the cache and once through it. */
import type { Operation } from '../request/operation.ts';
import { differencesOf, type Difference } from './difference.ts';
import type { Time } from '../shared/latency-view.tsx';
import type { Report } from '../request/report.ts';
import { send, type Reply } from '../request/send.ts';
import { readServerSettings } from '../request/server-settings.ts';
import { simulatedMsIn, type SimulatedLatency } from '../request/simulated-latency.ts';
import type { ComparisonRequest } from '../request/use-request.ts';
import { fieldTimesOf, type FieldTimes } from './field-times.ts';
import { verdictOf, type Verdict } from './verdict.ts';

export interface Comparison {
  readonly operationName: string | undefined;
  readonly database: Time;
  readonly cache: Time;
  readonly verdict: Verdict;
  /** Empty: both responses are equal. */
  readonly differences: readonly Difference[];
  readonly fields: readonly FieldTimes[];
  /** The number of cached fields that the server left out of its report. */
  readonly unreported: number;
}

/** Which of the two requests is under way. */
export type Side = 'database' | 'cache';

/**
 * The database first: it does not change what the cache holds.
 *
 * @throws {SendError} if one of the two is not answered.
 */
export async function compareSides(
  { fetcher, schema, sides }: ComparisonRequest,
  { signal, onSide }: { signal: AbortSignal; onSide: (side: Side) => void },
): Promise<Comparison> {
  const { headers } = sides.cache;
  const { simulatedLatency: latency } = await readServerSettings(fetcher, { schema, headers, signal });
  const ask = (side: Side, operation: Operation): Promise<Reply> => {
    onSide(side);
    return send(fetcher, operation, signal);
  };
  const database = await ask('database', sides.database);
  const cache = await ask('cache', sides.cache);
  const reports = { database: rowsIn(database.report), cache: rowsIn(cache.report) };
  return {
    operationName: sides.cache.operationName,
    database: timeOf(database, latency),
    cache: timeOf(cache, latency),
    verdict: verdictOf(reports.cache),
    differences: differencesOf(database.data, cache.data),
    fields: fieldTimesOf(reports, latency),
    unreported: Math.max(database.report?.more ?? 0, cache.report?.more ?? 0),
  };
}

function rowsIn(report: Report | undefined): Report['fields'] {
  return report?.fields ?? [];
}

function timeOf({ durationMs, report }: Reply, latency: SimulatedLatency): Time {
  return { ms: durationMs, simulatedMs: simulatedMsIn(report, latency) };
}
