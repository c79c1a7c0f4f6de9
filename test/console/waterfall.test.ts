import { expect, it } from 'vitest';
import { waterfallOf } from '../../src/console/cache-panel/fields/waterfall.ts';

it('places each bar where its field began, on the time of the longest', () => {
  const { bars, spanMs, hasStarts } = waterfallOf([
    { startMs: 0, durationMs: 300, simulatedMs: 100 },
    { startMs: 300, durationMs: 100, simulatedMs: 0 },
    { startMs: 10, durationMs: 0, simulatedMs: 300 },
  ]);
  expect(spanMs).toBe(400);
  expect(hasStarts).toBe(true);
  expect(bars).toEqual([
    { startPercent: 0, widthPercent: 75, simulatedPercent: 25 },
    { startPercent: 75, widthPercent: 25, simulatedPercent: 0 },
    { startPercent: 2.5, widthPercent: 0, simulatedPercent: 0 },
  ]);
});

it('begins all bars at 0 if the server does not report when fields began', () => {
  const { bars, hasStarts } = waterfallOf([
    { durationMs: 2, simulatedMs: 0 },
    { durationMs: 1, simulatedMs: 0 },
  ]);
  expect(hasStarts).toBe(false);
  expect(bars.map(({ startPercent }) => startPercent)).toEqual([0, 0]);
});

it.each([
  [303.48, [0, 100, 200, 300]],
  [1_000, [0, 200, 400, 600, 800, 1_000]],
  [4.2, [0, 1, 2, 3, 4]],
  [0.07, [0, 0.02, 0.04, 0.06]],
])('marks %d ms in round steps', (durationMs, expected) => {
  const { ticksMs } = waterfallOf([{ startMs: 0, durationMs, simulatedMs: 0 }]);
  expect(ticksMs.map((ms) => Number(ms.toPrecision(6)))).toEqual(expected);
});

it('has a scale if no time has passed', () => {
  const { bars } = waterfallOf([{ startMs: 0, durationMs: 0, simulatedMs: 0 }]);
  expect(bars).toEqual([{ startPercent: 0, widthPercent: 0, simulatedPercent: 0 }]);
});
