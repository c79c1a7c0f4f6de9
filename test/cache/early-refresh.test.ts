import { expect, it } from 'vitest';
import { isDueEarly } from '../../src/cache/early-refresh.ts';
import { times } from './world.ts';

/** The share of requests for which a value is due: over all values of the random number. */
function shareDue(entry: { loadMs: number; freshMs: number }, remainingMs: number): number {
  const draws = 10_000;
  const isDue = times(draws, (index) => isDueEarly(entry, remainingMs, () => (index + 0.5) / draws));
  return isDue.filter(Boolean).length / draws;
}

it.each([1, 10, 100, 300])(
  '%d ms before its end, a value is due with the probability of the formula',
  (remainingMs) => {
    expect(shareDue({ loadMs: 100, freshMs: 60_000 }, remainingMs)).toBeCloseTo(Math.exp(-remainingMs / 100), 3);
  },
);

it('a load that takes longer than a quarter of the TTL counts as a quarter', () => {
  expect(shareDue({ loadMs: 9_000, freshMs: 4_000 }, 1_000)).toBeCloseTo(Math.exp(-1), 3);
});
