// Shadow checks of values whose properties are stored apart.
import { describe, expect, it } from 'vitest';
import { propertiesKey } from '../../src/cache/store/redis/properties.ts';
import { call, changed, differencesIn, graceMs, old, passGrace, resultsOf } from './shadow-world.ts';
import { newWorld, redisClient, settled, tiers, type FetchCall, type World } from './world.ts';

const apart: FetchCall = { ...call, fields: true };
const withMemory = { memoryBytesMax: 1_000_000 };

/** A world with an entry whose source has changed since; nothing has replaced its properties. */
async function newApartWorld(...args: Parameters<typeof newWorld>): Promise<World> {
  const world = await newWorld(...args);
  world.source.gives(old);
  await world.fetch(apart);
  world.source.gives(changed);
  await settled(world);
  world.trace.take();
  return world;
}

function keyOf({ cache }: World): ReturnType<World['cache']['key']> {
  return cache.key({ field: 'Query.field' });
}

describe.each(tiers)('on the %s store', (tier) => {
  it.each([undefined, ['name']])('a hit is compared as a whole, if it has read %j', async (only) => {
    const world = await newApartWorld(tier);
    await world.fetch({ ...apart, only });
    for (const _ of [1, 2, 3]) await passGrace(world);
    expect(resultsOf(world)).toEqual(['different']);
    expect(differencesIn(world)).toMatchObject([{ field: 'Query.field', paths: ['price', 'stock.1'] }]);
  });

  it.each([undefined, ['name']])('a hit is equal if its load returns the same, if it has read %j', async (only) => {
    const world = await newWorld(tier);
    world.source.gives({ at: new Date(5), name: 'Pot', tags: new Set(['a']), none: undefined });
    await world.fetch(apart);
    await world.fetch({ ...apart, only });
    await settled(world);
    expect(resultsOf(world)).toEqual(['equal']);
  });

  it('a hit is equal after all properties that have changed were replaced', async () => {
    const world = await newApartWorld(tier);
    expect(await world.cache.replaceField(keyOf(world), 'price', changed.price)).toBe(true);
    expect(await world.cache.replaceField(keyOf(world), 'stock', changed.stock)).toBe(true);
    await world.fetch(apart);
    await settled(world);
    expect(resultsOf(world)).toEqual(['equal']);
  });

  it.each(['during the first load', 'before the second load', 'after the second load'])(
    'a difference is explained if a property is replaced %s',
    async (time) => {
      const world = await newApartWorld(tier, withMemory);
      const held = time === 'during the first load' ? world.source.hold() : undefined;
      await world.fetch(apart);
      if (held === undefined) await settled(world);
      await held?.begun;
      if (time === 'before the second load') world.clock.advance(graceMs - 1);
      if (time === 'after the second load') await passGrace(world);
      expect(await world.cache.replaceField(keyOf(world), 'price', 11)).toBe(true); // another value than the source's
      held?.give('newer');
      for (const _ of [1, 2, 3]) await passGrace(world);
      expect(resultsOf(world)).toEqual(['explained']);
      expect(differencesIn(world)).toEqual([]);
    },
  );
});

it('a difference is explained if Redis has evicted the properties', async () => {
  const world = await newApartWorld('redis');
  await world.fetch(apart);
  await settled(world);
  expect(await (await redisClient()).del(propertiesKey(keyOf(world).text))).toBe(1);
  await passGrace(world);
  await passGrace(world);
  expect(resultsOf(world)).toEqual(['explained']);
});
