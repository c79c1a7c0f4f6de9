// What is right after an invalidation that was acknowledged, loads that were under way included.
import { describe, expect, it } from 'vitest';
import type { Cache } from '../../src/cache/index.ts';
import { newWorld, redisClient, tiers, type Fetching, type HeldLoad, type World } from './world.ts';

const ways: [string, (cache: Cache) => Promise<unknown>][] = [
  ['a tag is invalidated', (cache) => cache.invalidate(['products'])],
  ['everything is flushed', (cache) => cache.flush()],
];
const tags = ['products'];

/** A load that begins before `invalidate` and ends when the test says; `before` is who has asked for it. */
async function overtaken(
  { fetch, cache, source }: World,
  invalidate: (cache: Cache) => Promise<unknown>,
  options: Fetching = {},
): Promise<{ held: HeldLoad; before: Promise<unknown> }> {
  const held = source.hold();
  const before = fetch({ tags, ...options });
  await held.begun;
  await invalidate(cache);
  return { held, before };
}

describe.each(tiers)('on the %s store', (tier) => {
  describe.each(ways)('once %s', (_, invalidate) => {
    it('gives nobody who comes then a value whose load began before', async () => {
      const world = await newWorld(tier);
      const { fetch, source } = world;
      const { held, before } = await overtaken(world, invalidate);

      source.gives('new');
      const after = fetch({ tags });
      expect(await after).toBe('new');
      held.give('old');
      expect(await before).toBe('old'); // he came before
      expect(source.loads).toBe(2);
    });

    it('gives nobody the late fill of a load that began before', async () => {
      const world = await newWorld(tier);
      const { fetch, source, trace } = world;
      const { held, before } = await overtaken(world, invalidate);
      held.give('old');
      await before;
      expect(trace.count('write')).toBe(1);

      source.gives('new');
      expect(await fetch({ tags })).toBe('new');
      expect(await fetch({ tags })).toBe('new');
    });

    it('gives nobody the late fill that takes the place of the new value', async () => {
      const world = await newWorld(tier);
      const { fetch, source } = world;
      const { held, before } = await overtaken(world, invalidate);
      source.gives('new');
      await fetch({ tags });
      held.give('old');
      await before;
      expect(await fetch({ tags })).toBe('new');
    });

    it('gives nobody the late fill of a refresh', async () => {
      const world = await newWorld(tier);
      const { fetch, source } = world;
      await fetch({ tags });
      const { held, before } = await overtaken(world, invalidate, { mode: 'refresh' });
      held.give('old');
      await before;
      source.gives('new');
      expect(await fetch({ tags })).toBe('new');
    });

    it('loads once for all who come then, though the old load still runs and ends meanwhile', async () => {
      const { fetch, cache, source } = await newWorld(tier);
      const old = source.hold();
      const before = fetch({ tags });
      await old.begun;
      await invalidate(cache);
      const young = source.hold();
      const first = fetch({ tags });
      await young.begun;
      old.give('old');
      await before; // takes its own flight off the board, not the young one
      const second = fetch({ tags });
      young.give('new');
      expect(await Promise.all([first, second])).toEqual(['new', 'new']);
      expect(source.loads).toBe(2);
    });
  });

  it('gives a created row after its absence was kept', async () => {
    const { fetch, cache, source } = await newWorld(tier);
    source.gives(null);
    expect(await fetch({ tags })).toBeNull();
    await cache.invalidate(tags);
    source.gives({ id: 1 });
    expect(await fetch({ tags })).toEqual({ id: 1 });
  });

  it('reads a value whose token was lost as a miss', async () => {
    const { fetch, store, source, trace } = await newWorld(tier);
    for (const lost of ['products', '*']) {
      await fetch({ tags });
      trace.take();
      await store.dropTokens([lost]);
      source.gives(`after ${lost}`);
      expect(await fetch({ tags })).toBe(`after ${lost}`);
      expect(trace.text).toBe('entry-rejected(invalidated) load write miss');
    }
  });
});

describe('two processes on one Redis', () => {
  it('see each other’s values and invalidations', async () => {
    const one = await newWorld('redis');
    const two = await newWorld('redis', { namespace: one.namespace });
    await one.fetch({ tags });
    expect(await two.fetch({ tags })).toBe('value');
    expect(two.source.loads).toBe(0);
    await two.cache.invalidate(tags);
    one.source.gives('new');
    expect(await one.fetch({ tags })).toBe('new');
  });

  it.each(ways)('never read a value whose load began before, once %s by the other', async (_, invalidate) => {
    const one = await newWorld('redis');
    const two = await newWorld('redis', { namespace: one.namespace });
    const held = one.source.hold();
    const before = one.fetch({ tags });
    await held.begun;
    await invalidate(two.cache);
    two.source.gives('new');
    expect(await two.fetch({ tags })).toBe('new');
    held.give('old');
    await before;
    one.source.gives('new');
    expect(await two.fetch({ tags })).toBe('new');
    expect(await one.fetch({ tags })).toBe('new');
  });
});

it('reads nothing from before, where Redis was emptied behind its back', async () => {
  const { fetch, source, namespace } = await newWorld('redis');
  const client = await redisClient();
  await fetch({ tags });
  await client.unlink(`${namespace}:tag:*`, `${namespace}:tag:products`);
  source.gives('new');
  expect(await fetch({ tags })).toBe('new');
});
