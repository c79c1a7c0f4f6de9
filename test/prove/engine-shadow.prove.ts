// Shadow mode at scale: what it reports of many compared hits.
import { expect, it } from 'vitest';
import { readWhileRowsChange } from '../cache/shadow-simulation.ts';
import { graceMs } from '../cache/shadow-world.ts';
import { note } from './engine-processes.ts';

const checksMin = Math.ceil(100_000 * Number(process.env['SCALE'] ?? 1));

it('reports none of 100,000 compared hits, while rows change and are invalidated up to the grace period later', async () => {
  const figures = await readWhileRowsChange({ hitsMin: 0, checksMin, lagMsMax: graceMs - 1 });
  note(`shadow mode: ${JSON.stringify(figures)}`);
  expect(figures.differences).toBe(0);
  expect(figures.explained).toBeGreaterThan(0);
});
