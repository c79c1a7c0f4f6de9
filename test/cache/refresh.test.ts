// A refresh is newer than any load that was in flight when it began.
import { expect, it } from 'vitest';
import { holding, newProcesses, tags } from './processes.ts';
import { createMemoryStore } from '../../src/cache/index.ts';
import { FaultyStore } from './store/faulty-store.ts';
import { newWorld, settled, tiers, times, type World } from './world.ts';

it.each(tiers)('on the %s store, keeps the refreshed value when an older load ends', async (tier) => {
  const world = await newWorld(tier);
  expect(await readAfterBoth(world, world)).toBe('new');
});

it('keeps the refreshed value when an older load of another process ends', async () => {
  const { one, two } = await newProcesses();
  expect(await readAfterBoth(one, two)).toBe('new');
});

/** The value that is read after a refresh and, after that, an older load have ended. */
async function readAfterBoth(loader: World, refresher: World): Promise<unknown> {
  const { held, first } = await holding(loader);
  refresher.source.gives('new');
  expect(await refresher.fetch({ tags, mode: 'refresh' })).toBe('new');
  held.give('old');
  expect(await first).toBe('old'); // it arrived before the refresh
  expect(loader.trace.text).toContain('write-refused(lease-lost)');
  return await refresher.fetch({ tags });
}

it('returns but does not store a value that is too large to be read in time', async () => {
  const { fetch, source, trace } = await newWorld('memory');
  source.gives('x'.repeat(4_000_001));
  expect(await fetch()).toHaveLength(4_000_001);
  expect(trace.text).toBe('load write-refused(too-large) miss');
  source.gives('x'.repeat(3_000_000));
  await fetch();
  expect(trace.count('write')).toBe(1);
});

it('returns the value after at most twenty lease requests if the store has no room for the tokens', async () => {
  const store = new FaultyStore(createMemoryStore({ namespace: 'shop', bytesMax: 8_000 }));
  const { fetch, trace } = await newWorld(store);
  expect(await fetch({ tags: times(12, (id) => `tag ${id}`) })).toBe('value');
  expect(trace.count('write')).toBe(0);
  expect(store.calls.filter((call) => call === 'acquire').length).toBeLessThanOrEqual(20);
});

it('a refresh whose value is not stored removes the one before', async () => {
  const world = await newWorld();
  await world.fetch();
  world.source.gives(() => 'no stored form');
  expect(await world.fetch({ mode: 'refresh' })).toBeTypeOf('function');
  await settled(world);
  expect(await world.fetch()).toBeTypeOf('function');
});
