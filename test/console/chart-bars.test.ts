import { assert, array, double, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  barPairs,
  linearAxis,
  logarithmicAxis,
  type ChartBar,
} from '../../src/console/cache-panel/load-test/chart-bars.ts';
import type { Round, SideRound } from '../../src/console/cache-panel/load-test/rounds.ts';

function sideRound(...durations: number[]): SideRound {
  const samples = durations.map((ms) => ({ ms, simulatedMs: Math.min(ms, 10), hits: 0, misses: 0 }));
  return { samples, elapsedMs: 0, errors: 0 };
}

const rounds: Round[] = [
  { database: sideRound(100, 200), cache: sideRound(20) },
  { database: sideRound(), cache: sideRound(40) },
  { database: sideRound(300), cache: sideRound(60) },
];

describe('bars', () => {
  it('are one pair for each round as long as there is room, with the mean and the slowest request', () => {
    expect(barPairs(rounds, { planned: 3, pairsMax: 30, isWithout: false })).toEqual([
      { first: 1, last: 1, database: { meanMs: 150, slowestMs: 200 }, cache: { meanMs: 20, slowestMs: 20 } },
      { first: 2, last: 2, database: undefined, cache: { meanMs: 40, slowestMs: 40 } },
      { first: 3, last: 3, database: { meanMs: 300, slowestMs: 300 }, cache: { meanMs: 60, slowestMs: 60 } },
    ]);
  });

  it('are of several rounds if there is no room for all', () => {
    expect(barPairs(rounds, { planned: 3, pairsMax: 2, isWithout: false })).toMatchObject([
      { first: 1, last: 2, database: { meanMs: 150 }, cache: { meanMs: 30, slowestMs: 40 } },
      { first: 3, last: 3, database: { meanMs: 300 }, cache: { meanMs: 60 } },
    ]);
  });

  it('never outgrow their room, and leave no round out', () => {
    const many = Array.from({ length: 500 }, () => ({ database: sideRound(1), cache: sideRound(1) }));
    for (const pairsMax of [1, 7, 28, 499]) {
      const pairs = barPairs(many, { planned: 500, pairsMax, isWithout: false });
      expect(pairs.length).toBeLessThanOrEqual(pairsMax);
      expect([pairs[0]?.first, pairs.at(-1)?.last]).toEqual([1, 500]);
    }
  });

  it('leave simulated latency out on request', () => {
    expect(barPairs(rounds, { planned: 3, pairsMax: 30, isWithout: true })[2]).toMatchObject({
      database: { meanMs: 290 },
      cache: { meanMs: 50 },
    });
  });
});

/** Bars of one request each. */
function single(durations: readonly number[]): ChartBar[] {
  return durations.map((ms) => ({ meanMs: ms, slowestMs: ms }));
}

describe.each([
  ['linear', linearAxis],
  ['logarithmic', logarithmicAxis],
])('a %s axis', (_kind, axisOf) => {
  it('has room for each bar, a few round ticks, and higher places for higher values', () => {
    const values = array(double({ min: 0.01, max: 1e5, noNaN: true }), { minLength: 1, maxLength: 50 });
    assert(
      property(values, (durations) => {
        const { ticks, heightOf } = axisOf(single(durations));
        const heights = durations.toSorted((a, b) => a - b).map(heightOf);
        expect(Math.min(...heights)).toBeGreaterThanOrEqual(0);
        expect(Math.max(...heights)).toBeLessThanOrEqual(1 + 1e-9);
        expect(heights).toEqual(heights.toSorted((a, b) => a - b));
        expect(Math.max(...durations)).toBeLessThanOrEqual((ticks.at(-1) ?? 0) * (1 + 1e-9));
        expect(ticks.length).toBeGreaterThanOrEqual(2);
        expect(ticks.length).toBeLessThanOrEqual(9);
        expect(ticks.map(heightOf)).toEqual(ticks.map((_, index) => expect.closeTo(index / (ticks.length - 1), 9)));
      }),
    );
  });

  it('exists without bars, and with none but of 0', () => {
    for (const values of [[], [0]]) {
      const { ticks, heightOf } = axisOf(single(values));
      expect(ticks.every(Number.isFinite)).toBe(true);
      expect(heightOf(0)).toBe(0);
    }
  });
});

it('round figures', () => {
  expect(linearAxis(single([391])).ticks).toEqual([0, 100, 200, 300, 400]);
  expect(linearAxis(single([4.1])).ticks).toEqual([0, 2, 4, 6]);
  expect(logarithmicAxis(single([2.9, 391])).ticks).toEqual([1, 10, 100, 1_000]);
  expect(logarithmicAxis(single([10, 10])).ticks).toEqual([10, 100]);
});

it('one slow request does not make all bars small', () => {
  const { ticks, heightOf } = linearAxis([...single([40, 50]), { meanMs: 45, slowestMs: 5_000 }]);
  expect(ticks.at(-1)).toBe(100);
  expect(heightOf(5_000)).toBe(1);
});
