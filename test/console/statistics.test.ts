import { array, assert, double, integer, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mean, percentile, perSecond } from '../../src/console/cache-panel/load-test/statistics.ts';
import { hitRateOf } from '../../src/console/cache-panel/shared/hit-rate.ts';

describe('percentiles', () => {
  it('of few values are measured values', () => {
    expect([50, 95, 99].map((percent) => percentile([7], percent))).toEqual([7, 7, 7]);
    expect([50, 95, 99].map((percent) => percentile([2, 1], percent))).toEqual([1, 2, 2]);
    const ten = [10, 9, 8, 7, 6, 5, 4, 3, 2, 1];
    expect([50, 90, 95, 99, 100].map((percent) => percentile(ten, percent))).toEqual([5, 9, 10, 10, 10]);
  });

  it.each([100, 1_000])('of %i values have the exact rank', (count) => {
    const values = Array.from({ length: count }, (_, index) => index + 1);
    for (let percent = 1; percent <= 100; percent += 1)
      expect(percentile(values, percent)).toBe((percent * count) / 100);
  });

  it('sort by size, not as text, and leave the values as they are', () => {
    const values = [10, 9, 100];
    expect(percentile(values, 50)).toBe(10);
    expect(values).toEqual([10, 9, 100]);
  });

  it('are exceeded by no more values than they say', () => {
    const values = array(double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 200 });
    assert(
      property(values, integer({ min: 1, max: 100 }), (all, percent) => {
        const found = percentile(all, percent) ?? NaN;
        expect(all).toContain(found);
        const notAbove = all.filter((value) => value <= found).length;
        const below = all.filter((value) => value < found).length;
        expect(notAbove * 100).toBeGreaterThanOrEqual(percent * all.length);
        expect(below * 100).toBeLessThan(percent * all.length);
      }),
    );
  });
});

it('nothing is claimed without measurements', () => {
  expect(percentile([], 50)).toBeUndefined();
  expect(mean([])).toBeUndefined();
  expect(perSecond(0, 0)).toBeUndefined();
  expect(hitRateOf({ hits: 0, misses: 0 })).toBeUndefined();
});

it('rates and means', () => {
  expect(mean([1, 2, 6])).toBe(3);
  expect(perSecond(30, 1_500)).toBe(20);
  expect(hitRateOf({ hits: 9, misses: 1 })).toBe(90);
  expect(hitRateOf({ hits: 0, misses: 3 })).toBe(0);
});
