/** The engine alone: hits in memory one after another on one core. */
import { startWorker } from './worker.mjs';

const promise = { least: 1_000_000 };
const panel = { unit: 'operations per second of CPU', x: { label: 'keys', isLog: false } };

export const panels = [
  {
    ...panel,
    title: 'Engine alone, hits in memory',
    curves: [
      { id: 'fetch', title: 'Cache.fetch, one key', promise },
      { id: 'fetchOf100', title: 'Cache.fetch, 100 keys in turn', promise },
      { id: 'revalidate', title: 'Cache.revalidate', promise },
      { id: 'fetchByClock', title: 'Cache.fetch, by the clock' },
      { id: 'revalidateByClock', title: 'Cache.revalidate, by the clock' },
    ],
  },
  {
    ...panel,
    title: 'Beside it: making a key',
    curves: [
      { id: 'bareKey', title: 'Cache.key, no arguments' },
      { id: 'key', title: 'Cache.key, three arguments' },
    ],
  },
];

const perSecond = 500_000;

export async function open(world) {
  const tell = await startWorker(world, { entries: 100, database: 40 });
  await tell('fill');
  return [{ x: 100, measure: () => tell('engine', { count: Math.ceil((perSecond * world.ms) / 1_000) }) }];
}
