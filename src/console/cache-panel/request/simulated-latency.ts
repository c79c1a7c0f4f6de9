/** The part of a duration that is not real: a server of a demonstration delays its queries, as a network would. */
import type { Report, ReportRow } from './report.ts';

/** Milliseconds that the server adds to the loads of a field, by `Type.field`. Empty: none. */
export type SimulatedLatency = ReadonlyMap<string, number>;

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
