/** The part of a duration that is not real: a server of a demonstration delays its queries, as a network would. */
import type { Fetcher } from '@graphiql/toolkit';
import { getNamedType, isObjectType, type GraphQLSchema } from 'graphql';
import type { Operation } from './operation.ts';
import type { Report, ReportRow } from './report.ts';
import { send } from './send.ts';
import { unlessAborted } from './unless-aborted.ts';

/** Milliseconds that the server adds to the loads of a field, by `Type.field`. Empty: none. */
export type SimulatedLatency = ReadonlyMap<string, number>;

const none: SimulatedLatency = new Map();
const query = '{ console { simulatedLatency { field ms } } }';
/** One request for each server, not for each comparison. */
const known = new WeakMap<Fetcher, Promise<SimulatedLatency>>();

export interface LatencyOptions {
  /** What GraphiQL knows of the server. */
  readonly schema: GraphQLSchema | null | undefined;
  readonly headers: Operation['headers'];
  readonly signal?: AbortSignal;
}

/**
 * Asks the server, once. A server without `Query.console` is not asked: it simulates nothing.
 *
 * @throws The signal's reason, as soon as it is aborted.
 */
export async function readSimulatedLatency(
  fetcher: Fetcher,
  { schema, headers, signal }: LatencyOptions,
): Promise<SimulatedLatency> {
  if (!isOffered(schema)) return none;
  const answer = known.get(fetcher) ?? ask(fetcher, headers).catch(() => forget(fetcher));
  known.set(fetcher, answer);
  return await unlessAborted(answer, signal);
}

/** The simulated part of a request's duration. Root fields run at the same time, so it is that of the slowest. */
export function simulatedMsIn(report: Report | undefined, latency: SimulatedLatency): number {
  return Math.max(0, ...(report?.fields ?? []).map((row) => simulatedMsOf(row, latency)));
}

/** The simulated part of a field's duration. A field that shares another request's load has waited for an unknown part of it. */
export function simulatedMsOf({ field, source, state }: ReportRow, latency: SimulatedLatency): number {
  return source === 'database' && state !== 'shared' ? (latency.get(field) ?? 0) : 0;
}

/** A duration without its simulated part. A timer may fire a little early, so that nothing would be left. */
export function withoutSimulated(durationMs: number, simulatedMs: number): number {
  return Math.max(0, durationMs - simulatedMs);
}

function isOffered(schema: GraphQLSchema | null | undefined): boolean {
  const type = schema?.getQueryType()?.getFields()['console']?.type;
  const settings = type === undefined ? undefined : getNamedType(type);
  return isObjectType(settings) && settings.getFields()['simulatedLatency'] !== undefined;
}

/** What is sent next reports the fault, and asks again. */
function forget(fetcher: Fetcher): SimulatedLatency {
  known.delete(fetcher);
  return none;
}

async function ask(fetcher: Fetcher, headers: Operation['headers']): Promise<SimulatedLatency> {
  const { data } = await send(fetcher, { query, headers, variables: undefined, operationName: undefined });
  const rows = (data as { console: { simulatedLatency: readonly { field: string; ms: number }[] } }).console;
  return new Map(rows.simulatedLatency.map(({ field, ms }) => [field, ms]));
}
