// Shadow mode under writes whose invalidations arrive late.
import { expect, it } from 'vitest';
import { readWhileRowsChange } from './shadow-simulation.ts';
import { graceMs } from './shadow-world.ts';

it('of 100,000 correct hits none is reported, while rows change and are invalidated later', async () => {
  const figures = await readWhileRowsChange({ hitsMin: 100_000, checksMin: 5_000, lagMsMax: graceMs - 1 });
  expect(figures.differences).toBe(0);
  expect(figures.explained).toBeGreaterThan(50);
});

it('of changes that are never invalidated, some are found', async () => {
  const figures = await readWhileRowsChange({ hitsMin: 0, checksMin: 2_000, lagMsMax: graceMs - 1, lostEvery: 5 });
  expect(figures.differences).toBeGreaterThan(0);
});
