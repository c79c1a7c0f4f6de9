/** How costs grow with the number of entries: not at all. */
import { startWorker } from './worker.mjs';

const flat = { flat: 1.5 };
/** Reads are slower if the values do not fit into the processor's caches, in any program. */
const flatButForMemory = { flat: 2.5 };
const x = { label: 'entries', isLog: true };

export const panels = [
  {
    title: 'Hit in the memory tier (32 MB)',
    unit: 'CPU µs',
    x,
    curves: [
      { id: 'hotHit', title: 'of 100 keys', promise: flat },
      { id: 'heldHit', title: 'of all keys that it holds, 20,000 at most', promise: flatButForMemory },
    ],
  },
  {
    title: 'Hit in Redis, and miss',
    unit: 'CPU µs, Redis included',
    x,
    curves: [
      { id: 'redisHit', title: 'hit in Redis, without a memory tier', promise: flat },
      { id: 'miss', title: 'miss: lease, load and fill', promise: flat },
    ],
  },
  {
    title: 'Invalidation of a tag that all of them carry',
    unit: 'µs',
    x,
    curves: [
      { id: 'invalidation', title: 'until it is acknowledged', promise: flat },
      { id: 'invalidationInRedis', title: 'of which in Redis', promise: flat },
    ],
  },
];

/** How many operations take about one second. */
const perSecond = { memoryHits: 250_000, redisHits: 20_000, invalidations: 500, misses: 4_000 };

export async function open(world) {
  const points = [];
  for (const [database, entries] of world.small([1e2, 1e3, 1e4, 1e5, 1e6]).entries()) {
    const tell = await startWorker(world, { entries, database });
    const { keys, memoryBytes } = await tell('fill');
    world.say(
      `  ${entries.toLocaleString('en')} entries: ${keys} keys, ${(memoryBytes / 1e6).toFixed(1)} MB in memory`,
    );
    const measure = async () => {
      const results = [];
      for (const [call, count] of Object.entries(perSecond)) {
        results.push(await tell(call, { count: Math.ceil((count * world.ms) / 1_000) }));
      }
      return Object.assign({}, ...results);
    };
    points.push({ x: entries, measure });
  }
  return points;
}
