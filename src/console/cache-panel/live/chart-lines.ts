/**
 * The lines of the charts. A server sends a snapshot when something has changed, so a figure holds until the next one, and requests
 * that a snapshot counts were made in the second before it.
 */
import { historyMs, connectedPeriodsOf, type History, type ConnectedPeriod } from '../live-cache/history.ts';
import { roundedUp } from '../shared/rounded-up.ts';

export interface Point {
  readonly at: number;
  readonly value: number;
}

/** Points that are connected; a line has several parts if the connection was lost, or a figure was not known. */
export type Line = readonly (readonly Point[])[];

export interface ChartLines {
  /** In percent, of the requests in five seconds; no point where there was none. */
  readonly hitRate: Line;
  /** The mean of five seconds. */
  readonly loadsPerSecond: Line;
  readonly keys: Line;
  /** In bytes. */
  readonly memory: Line;
}

const bucketMs = 5_000;

export function chartLinesOf(history: History, now: number): ChartLines {
  const periods = connectedPeriodsOf(history, now);
  const buckets = periods.map((period) => bucketsOf(period, now - historyMs));
  return {
    hitRate: buckets.map((period) =>
      period.flatMap(({ at, hits, misses }) =>
        hits + misses === 0 ? [] : { at, value: (100 * hits) / (hits + misses) },
      ),
    ),
    loadsPerSecond: buckets.map((period) => period.map(({ at, loads }) => ({ at, value: (1_000 * loads) / bucketMs }))),
    keys: periods.flatMap((period) => stepsOf(period, ({ keys }) => keys)),
    memory: periods.flatMap((period) => stepsOf(period, ({ memoryUsed }) => memoryUsed)),
  };
}

interface Bucket {
  /** Its end. */
  readonly at: number;
  readonly hits: number;
  readonly misses: number;
  readonly loads: number;
}

/** What was counted in each five seconds. They begin at multiples of five seconds, so that points keep their places. */
function bucketsOf({ samples, endMs }: ConnectedPeriod, fromMs: number): readonly Bucket[] {
  const firstMs = Math.max(samples[0]?.at ?? endMs, fromMs);
  const indexOf = (at: number): number => Math.floor(at / bucketMs);
  const buckets = Array.from({ length: indexOf(endMs) - indexOf(firstMs) + 1 }, (_, index) => ({
    at: Math.min((indexOf(firstMs) + index + 1) * bucketMs, endMs),
    hits: 0,
    misses: 0,
    loads: 0,
  }));
  for (const [index, { at, figures }] of samples.entries()) {
    const before = samples[index - 1]?.figures;
    const bucket = buckets[indexOf(at) - indexOf(firstMs)];
    // Counters that are smaller than before are those of a new process.
    if (before === undefined || bucket === undefined || figures.hits < before.hits || figures.loads < before.loads)
      continue;
    bucket.hits += figures.hits - before.hits;
    bucket.misses += figures.misses - before.misses;
    bucket.loads += figures.loads - before.loads;
  }
  return buckets;
}

/** A line that changes at its points only: two for each sample, its own and the one where it ends. */
function stepsOf(
  { samples, endMs }: ConnectedPeriod,
  figureOf: (figures: ConnectedPeriod['samples'][number]['figures']) => number | null,
): Line {
  const parts: Point[][] = [];
  let part: Point[] = [];
  for (const [index, { at, figures }] of samples.entries()) {
    const value = figureOf(figures);
    if (value !== null) part.push({ at, value }, { at: samples[index + 1]?.at ?? endMs, value });
    if (part.length > 0 && (value === null || index === samples.length - 1)) {
      parts.push(part);
      part = [];
    }
  }
  return parts;
}

/** A round figure at or above all points: 1, 2 or 5 times a power of ten, times `unit`, and at least `min`. */
export function topOf(line: Line, min: number, unit = 1): number {
  const max = Math.max(min, ...line.flatMap((part) => part.map(({ value }) => value))) / unit;
  return unit * roundedUp(max);
}
