/** What the chart of a load test draws: bars of one or several rounds, and an axis. */
import { roundedUp } from '../shared/rounded-up.ts';
import { mean } from './statistics.ts';
import type { Round } from './rounds.ts';
import { shownMsOf } from './summary.ts';

/** The requests of one side in some successive rounds. */
export interface ChartBar {
  readonly meanMs: number;
  readonly slowestMs: number;
}

export interface BarPair {
  /** The first and the last round, from 1. */
  readonly first: number;
  readonly last: number;
  /** Undefined: none of its requests was answered. */
  readonly database: ChartBar | undefined;
  readonly cache: ChartBar | undefined;
}

/** @param options.pairsMax So many pairs have room: if there are more rounds, each pair is of several. */
export function barPairs(
  rounds: readonly Round[],
  { planned, pairsMax, isWithout }: { planned: number; pairsMax: number; isWithout: boolean },
): readonly BarPair[] {
  const size = roundsPerPair(planned, pairsMax);
  const pairs: BarPair[] = [];
  for (let first = 0; first < rounds.length; first += size) {
    const some = rounds.slice(first, first + size);
    const barOf = (side: keyof Round): ChartBar | undefined => {
      const durations = some.flatMap((round) => round[side].samples.map((sample) => shownMsOf(sample, isWithout)));
      const meanMs = mean(durations);
      return meanMs === undefined ? undefined : { meanMs, slowestMs: Math.max(...durations) };
    };
    pairs.push({ first: first + 1, last: first + some.length, database: barOf('database'), cache: barOf('cache') });
  }
  return pairs;
}

export function roundsPerPair(planned: number, pairsMax: number): number {
  return Math.ceil(planned / pairsMax);
}

/** A vertical axis. */
export interface Axis {
  /** Milliseconds, from the lowest to the highest. */
  readonly ticks: readonly number[];
  /** The height of a value, 0…1. */
  readonly heightOf: (ms: number) => number;
}

/**
 * From 0 to at least the highest bar, with round figures; to 1 ms without bars. One request that was much slower than all others does
 * not make the bars small: its line leaves the chart.
 */
export function linearAxis(bars: readonly ChartBar[]): Axis {
  const highest = Math.max(0, ...bars.map(({ meanMs }) => meanMs));
  const slowest = Math.max(0, ...bars.map(({ slowestMs }) => slowestMs));
  const max = Math.min(slowest, 2 * highest) || 1;
  const step = roundedUp(max / 4);
  const steps = Math.ceil(max / step);
  return {
    ticks: Array.from({ length: steps + 1 }, (_, index) => index * step),
    heightOf: (ms) => Math.min(1, ms / (steps * step)),
  };
}

/** Powers of ten. A bar begins at the lowest one, so that only its end has a meaning. */
export function logarithmicAxis(bars: readonly ChartBar[]): Axis {
  const positive = bars.flatMap(({ meanMs, slowestMs }) => [meanMs, slowestMs]).filter((ms) => ms > 0);
  if (positive.length === 0) return linearAxis(bars);
  const lowest = Math.floor(Math.log10(Math.min(...positive)));
  const highest = Math.max(lowest + 1, Math.ceil(Math.log10(Math.max(...positive))));
  return {
    ticks: Array.from({ length: highest - lowest + 1 }, (_, index) => 10 ** (lowest + index)),
    heightOf: (ms) => (ms > 0 ? Math.max(0, (Math.log10(ms) - lowest) / (highest - lowest)) : 0),
  };
}
