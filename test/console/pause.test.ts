import { expect, it } from 'vitest';
import { pauseMs, sleep } from '../../src/console/cache-panel/live-cache/pause.ts';

it('doubles the pause after each failed attempt, up to half a minute', () => {
  const longest = (failures: number): number => pauseMs(failures, () => 1);
  expect([1, 2, 3, 4, 5, 6, 20].map(longest)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
});

it('spreads the attempts of several clients over a quarter of the pause', () => {
  expect(pauseMs(1, () => 0)).toBe(750);
});

it('ends a pause when the signal is aborted, before it begins or later', async () => {
  const stop = new AbortController();
  const pause = sleep(3_600_000, stop.signal);
  stop.abort();
  await expect(pause).resolves.toBeUndefined();
  await expect(sleep(3_600_000, stop.signal)).resolves.toBeUndefined();
});
