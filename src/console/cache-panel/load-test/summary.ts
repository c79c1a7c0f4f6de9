/** The figures of a load test. */
import { withoutSimulated } from '../request/simulated-latency.ts';
import { hitRateOf } from '../shared/hit-rate.ts';
import { percentile, perSecond } from './statistics.ts';
import type { LoadTest } from './load-test.ts';
import type { Round, Sample } from './rounds.ts';

/** More simultaneous requests wait: with HTTP/1.1, browsers open six connections to one host, and live updates hold one of them. */
export const unhinderedMax = 5;

/** One side's figures. Undefined: not known. */
export interface Summary {
  readonly p50: number | undefined;
  readonly p95: number | undefined;
  readonly p99: number | undefined;
  /** While this side's requests were under way. */
  readonly requestsPerSecond: number | undefined;
  /** In percent. */
  readonly hitRate: number | undefined;
  readonly hits: number;
  readonly misses: number;
  /** Requests that were answered. */
  readonly requests: number;
  readonly errors: number;
  /** The simulated part of the slowest request. */
  readonly simulatedMs: number;
}

/** @param isWithout Whether simulated latency is left out of all durations. */
export function summaryOf({ rounds, concurrency }: LoadTest, side: keyof Round, isWithout: boolean): Summary {
  const sides = rounds.map((round) => round[side]);
  const samples = sides.flatMap((round) => round.samples);
  const durations = samples.map((sample) => shownMsOf(sample, isWithout));
  const simulatedMs = largest(samples.map((sample) => sample.simulatedMs));
  const hits = sum(samples.map((sample) => sample.hits));
  const misses = sum(samples.map((sample) => sample.misses));
  const elapsedMs = sum(
    sides.map((round) => {
      const simulated = isWithout ? largest(round.samples.map((sample) => sample.simulatedMs)) : 0;
      return withoutSimulated(round.elapsedMs, simulated);
    }),
  );
  // Requests that waited for a connection have waited for the simulated latency of others, too.
  const isElapsedKnown = !isWithout || simulatedMs === 0 || concurrency <= unhinderedMax;
  return {
    p50: percentile(durations, 50),
    p95: percentile(durations, 95),
    p99: percentile(durations, 99),
    requestsPerSecond: isElapsedKnown ? perSecond(samples.length, elapsedMs) : undefined,
    hitRate: hitRateOf({ hits, misses }),
    hits,
    misses,
    requests: samples.length,
    errors: sum(sides.map((round) => round.errors)),
    simulatedMs,
  };
}

/** A request's duration as it is shown. */
export function shownMsOf({ ms, simulatedMs }: Sample, isWithout: boolean): number {
  return isWithout ? withoutSimulated(ms, simulatedMs) : ms;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function largest(values: readonly number[]): number {
  return values.reduce((max, value) => Math.max(max, value), 0);
}
