// What requests receive after an acknowledged invalidation, including values of loads that were in flight.
import { describe, expect, it } from 'vitest';
import type { Cache } from '../../src/cache/index.ts';
import { newWorld, redisClient, tiers, times, type FetchCall, type HeldLoad, type World } from './world.ts';

const invalidations: [string, (cache: Cache) => Promise<unknown>][] = [
  ['a tag was invalidated', (cache) => cache.invalidate(['products'])],
  ['everything was flushed', (cache) => cache.flush()],
];
const tags = ['products'];

/** Begins a load before `invalidate`, which the test ends. `before` is the fetch that began it. */
async function loadBefore(
  { fetch, cache, source }: World,
  invalidate: (cache: Cache) => Promise<unknown>,
  options: FetchCall = {},
): Promise<{ held: HeldLoad; before: Promise<unknown> }> {
  const held = source.hold();
  const before = fetch({ tags, ...options });
  await held.begun;
  await invalidate(cache);
  return { held, before };
}

describe.each(tiers)('on the %s store', (tier) => {
  it('a request joins a load that began before an invalidation of other tags', async () => {
    const world = await newWorld(tier);
    const { held, before } = await loadBefore(world, (cache) => cache.invalidate(['orders']));
    const after = world.outcome({ tags });
    held.give('value');
    await before;
    expect(await after).toMatchObject({ state: 'shared', value: 'value' });
    expect(world.source.loads).toBe(1);
  });

  describe.each(invalidations)('after %s', (_, invalidate) => {
    it('does not share a load that began before with a request that arrives afterwards', async () => {
      const world = await newWorld(tier);
      const { fetch, source } = world;
      const { held, before } = await loadBefore(world, invalidate);

      source.gives('new');
      const after = fetch({ tags });
      expect(await after).toBe('new');
      held.give('old');
      expect(await before).toBe('old'); // it arrived before the invalidation
      expect(source.loads).toBe(2);
    });

    it('does not serve a value that was stored by a load that began before', async () => {
      const world = await newWorld(tier);
      const { fetch, source, trace } = world;
      const { held, before } = await loadBefore(world, invalidate);
      held.give('old');
      await before;
      expect(trace.count('write')).toBe(1);

      source.gives('new');
      expect(await fetch({ tags })).toBe('new');
      expect(await fetch({ tags })).toBe('new');
    });

    it('serves the new value although the older load ends after it was stored', async () => {
      const world = await newWorld(tier);
      const { fetch, source } = world;
      const { held, before } = await loadBefore(world, invalidate);
      source.gives('new');
      await fetch({ tags });
      held.give('old');
      await before;
      expect(await fetch({ tags })).toBe('new');
    });

    it('does not serve a value that was stored by a refresh that began before', async () => {
      const world = await newWorld(tier);
      const { fetch, source } = world;
      await fetch({ tags });
      const { held, before } = await loadBefore(world, invalidate, { mode: 'refresh' });
      held.give('old');
      await before;
      source.gives('new');
      expect(await fetch({ tags })).toBe('new');
    });

    it('runs one load for the requests that arrive afterwards, although the old load ends meanwhile', async () => {
      const { fetch, cache, source } = await newWorld(tier);
      const old = source.hold();
      const before = fetch({ tags });
      await old.begun;
      await invalidate(cache);
      const newer = source.hold();
      const first = fetch({ tags });
      await newer.begun;
      old.give('old');
      await before; // removes itself from the loads in flight, not the newer load
      const second = fetch({ tags });
      newer.give('new');
      expect(await Promise.all([first, second])).toEqual(['new', 'new']);
      expect(source.loads).toBe(2);
    });
  });

  it('returns a created row although its absence was cached', async () => {
    const { fetch, cache, source } = await newWorld(tier);
    source.gives(null);
    expect(await fetch({ tags })).toBeNull();
    await cache.invalidate(tags);
    source.gives({ id: 1 });
    expect(await fetch({ tags })).toEqual({ id: 1 });
  });

  it('treats a value whose token was lost as a miss', async () => {
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

  it.each(invalidations)('run one new load for later requests after %s by the other process', async (_, invalidate) => {
    const one = await newWorld('redis');
    const two = await newWorld('redis', { namespace: one.namespace });
    const held = one.source.hold();
    const before = one.fetch({ tags });
    await held.begun;
    await invalidate(two.cache);
    const newer = one.source.hold();
    const after = times(50, () => one.fetch({ tags }));
    held.give('old');
    expect(await before).toBe('old'); // it arrived before the invalidation
    await newer.begun;
    newer.give('new');
    expect(new Set(await Promise.all(after))).toEqual(new Set(['new']));
    expect(one.source.loads).toBe(2);
  });

  it('share a running load with requests that arrive during it if nothing was invalidated', async () => {
    const one = await newWorld('redis');
    const held = one.source.hold();
    const all = times(50, () => one.fetch({ tags }));
    await held.begun;
    all.push(...times(50, () => one.fetch({ tags })));
    held.give('value');
    expect(new Set(await Promise.all(all))).toEqual(new Set(['value']));
    expect(one.trace.count('shared')).toBe(99);
  });

  it.each(invalidations)(
    'do not serve the value of an older load after %s by the other process',
    async (_, invalidate) => {
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
    },
  );
});

it('serves no older value after another client has deleted its tokens from Redis', async () => {
  const { fetch, source, namespace } = await newWorld('redis');
  const client = await redisClient();
  await fetch({ tags });
  await client.unlink(`${namespace}:tag:*`, `${namespace}:tag:products`);
  source.gives('new');
  expect(await fetch({ tags })).toBe('new');
});
