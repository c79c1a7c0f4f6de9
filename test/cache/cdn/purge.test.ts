// `onInvalidate` of `createCdn`: when it is called, and with what.
import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from 'vitest';
import { createCdn, currentLoad } from '../../../src/cache/index.ts';
import { FaultyStore, newFaultyWorld } from '../store/faulty-store.ts';
import {
  advanceUntil,
  newWorld,
  redisStore,
  settled,
  tick,
  tiers,
  times,
  withResolvers,
  type World,
} from '../world.ts';
import { newCdn, pass } from './recorded-cdn.ts';

describe.each(tiers)('on the %s store, onInvalidate is called', (tier) => {
  it('after each invalidation, once, with what the headers contain', async () => {
    const world = await newWorld(tier, { namespace: 'shop' });
    const { cache, fetch } = world;
    const { taken } = newCdn(world, { repeatAfterMs: 0 });
    await fetch({ field: 'Query.product', args: { id: 1 }, tags: ['products'] });
    await fetch({ field: 'Query.product', args: { id: 1 }, tags: ['products'] });
    expect(taken()).toEqual([]);
    await cache.invalidate(['products:42', 'home']);
    await settled(world);
    expect(taken()).toEqual([['shop.products.42', 'shop.products', 'shop.home', 'shop.home.!']]);
    await cache.invalidateCommitted(['products']);
    await settled(world);
    expect(taken()).toEqual([['shop.products', 'shop.products.!']]);
    await cache.invalidate(['products'], { isFed: true }); // as the change feed does
    await settled(world);
    expect(taken()).toEqual([['shop.products', 'shop.products.!']]);
    await cache.invalidate('everything');
    await settled(world);
    expect(taken()).toEqual([['shop']]);
    await cache.flush();
    await settled(world);
    expect(taken()).toEqual([['shop']]);
    await cache.delete('Query.product', { id: 1 });
    await settled(world);
    expect(taken()).toEqual([[expect.stringMatching(/^shop![0-9a-f]{20}$/), 'shop!Query.product']]);
    await cache.replaceField(cache.key({ field: 'Query.product', args: { id: 1 } }), 'stock', 1); // nothing is stored: removes
    await settled(world);
    expect(taken()).toEqual([[expect.stringMatching(/^shop![0-9a-f]{20}$/), 'shop!Query.product']]);
    await cache.invalidate([]);
    await settled(world);
    expect(taken()).toEqual([]);
  });

  it('with the tags of the value and of the field of which a property was replaced', async () => {
    const world = await newWorld(tier, { namespace: 'shop' });
    const { cache, fetch, outcome, source } = world;
    const call = { field: 'Query.product', args: { id: 1 }, fields: true };
    source.gives({ name: 'Pot', stock: 12 });
    await fetch(call);
    const { entryRef } = await outcome(call);
    const ofResponse = createCdn(cache).tagsOf(entryRef === undefined ? [] : [entryRef])?.list ?? [];
    const { taken } = newCdn(world, { repeatAfterMs: 0 });
    expect(await cache.replaceField({ field: 'Query.product', args: { id: 1 } }, 'stock', 11)).toBe(true);
    await settled(world);
    const [purged = []] = taken();
    expect(purged).toEqual([expect.stringMatching(/^shop![0-9a-f]{20}$/), 'shop!Query.product']);
    expect(ofResponse).toContain(purged[0]);
  });

  it('with the tag of the value that was deleted', async () => {
    const world = await newWorld(tier);
    const { entryRef } = await storedOutcome(world);
    const cdn = createCdn(world.cache);
    const { taken } = newCdn(world, { repeatAfterMs: 0 });
    await world.cache.delete('Query.product', { id: 1 });
    await settled(world);
    const ofResponse = cdn.tagsOf([entryRef])?.list ?? [];
    expect(
      taken()
        .flat()
        .filter((tag) => ofResponse.includes(tag)),
    ).toHaveLength(1);
  });
});

async function storedOutcome({ fetch, outcome }: World) {
  const call = { field: 'Query.product', args: { id: 1 } };
  await fetch(call);
  const { entryRef } = await outcome(call);
  if (entryRef === undefined) throw new Error('it is not stored');
  return { entryRef };
}

it('is called after the invalidation has taken effect in the store: what it causes to be read is new', async () => {
  const store = await redisStore('shop-order');
  const { promise: isHeld, resolve: begin } = withResolvers<void>();
  const { promise: end, resolve: drop } = withResolvers<void>();
  const world = await newWorld({
    ...store,
    async dropTokens(tags) {
      begin();
      await end;
      return await store.dropTokens(tags);
    },
  });
  const other = await newWorld(await redisStore('shop-order'));
  await other.fetch({ tags: ['products'] });
  const { purges } = newCdn(world, {
    repeatAfterMs: 0,
    onInvalidate: async () => void refilled.push(await other.fetch({ tags: ['products'] })),
  });
  const refilled: unknown[] = [];
  const invalidation = world.cache.invalidate(['products']);
  await isHeld;
  await tick();
  expect(purges).toEqual([]);
  other.source.gives('new');
  drop();
  await invalidation;
  await expect.poll(() => refilled).toEqual(['new']);
});

describe('while the store cannot be reached, onInvalidate is called', () => {
  it('for each committed change at once, and again when the store has received it', async () => {
    const { cache, clock, faulty, trace } = await newFaultyWorld(['dropTokens']);
    const { taken } = newCdn({ cache, clock }, { repeatAfterMs: 0 });
    faulty.health = 'failing';
    await cache.invalidateCommitted(['products']);
    await tick();
    expect(taken()).toEqual([['shop.products', 'shop.products.!']]);
    await cache.invalidateCommitted(['reviews:7']);
    await tick();
    expect(taken()).toEqual([['shop.reviews.7', 'shop.reviews']]);
    await cache.invalidateCommitted('everything');
    await tick();
    expect(taken()).toEqual([['shop']]);
    await pass(clock, 1_000, 250);
    expect(taken()).toEqual([]); // attempts that fail are not new changes
    faulty.health = 'well';
    await advanceUntil(clock, 250, () => trace.count('invalidation-delivered') > 0);
    await tick();
    expect(taken()).toEqual([['shop']]);
  });

  it('so early that what the CDN then asks for is new, without the store', async () => {
    const { cache, clock, faulty, fetch, outcome, source } = await newFaultyWorld();
    await fetch({ tags: ['products'] });
    const refilled: unknown[] = [];
    const refill = async (): Promise<void> => void refilled.push(await outcome({ tags: ['products'] }));
    newCdn({ cache, clock }, { repeatAfterMs: 0, onInvalidate: refill });
    source.gives('new');
    faulty.health = 'failing';
    await cache.invalidateCommitted(['products']);
    await expect.poll(() => refilled.length).toBe(1);
    // Without an entry the response has no tags, and the CDN does not keep it.
    expect(refilled).toEqual([expect.objectContaining({ value: 'new', entryRef: undefined })]);
  });

  it('again later, because a process that still reaches the store gives the CDN the old value meanwhile', async () => {
    const faulty = new FaultyStore(await redisStore('shop-pending'), ['dropTokens']);
    const world = await newWorld(faulty);
    const other = await newWorld(await redisStore('shop-pending'));
    await other.fetch({ tags: ['products'] });
    const kept: unknown[] = [];
    newCdn(world, {
      repeatAfterMs: 0,
      onInvalidate: async () => void kept.push(await other.fetch({ tags: ['products'] })),
    });
    other.source.gives('new');
    faulty.health = 'failing';
    await world.cache.invalidateCommitted(['products']);
    await expect.poll(() => kept).toEqual(['value']);
    faulty.health = 'well';
    await advanceUntil(world.clock, 250, () => world.trace.count('invalidation-delivered') > 0);
    await expect.poll(() => kept).toEqual(['value', 'new']);
  });

  it('not for what is rejected: the caller repeats it', async () => {
    const { cache, clock, faulty } = await newFaultyWorld(['dropTokens', 'remove']);
    const { purges } = newCdn({ cache, clock });
    faulty.health = 'failing';
    await expect(cache.invalidate(['products'])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await expect(cache.flush()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await expect(cache.delete('Query.field')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await tick();
    expect(purges).toEqual([]);
  });
});

it('is called in the process that invalidates alone', async () => {
  const [one, other] = await Promise.all(times(2, async () => newWorld(await redisStore('shop-processes'))));
  if (one === undefined || other === undefined) throw new Error('two worlds were to be made');
  const [ofOne, ofOther] = [newCdn(one, { repeatAfterMs: 0 }), newCdn(other, { repeatAfterMs: 0 })];
  await other.fetch({ tags: ['products'] });
  await one.cache.invalidate(['products']);
  await Promise.all([settled(one), settled(other)]);
  expect(ofOne.purges).toHaveLength(1);
  expect(ofOther.purges).toEqual([]);
});

it('does not delay an invalidation, and invalidations that happen meanwhile are purged together', async () => {
  const world = await newWorld();
  const { promise: end, resolve: finish } = withResolvers<void>();
  const { cdn, taken } = newCdn(world, { repeatAfterMs: 0, onInvalidate: () => end });
  await world.cache.invalidate(['one']);
  await tick();
  expect(taken()).toHaveLength(1);
  await world.cache.invalidate(['two']);
  await world.cache.invalidate(['three', 'two']);
  await tick();
  expect(taken()).toEqual([]);
  expect(cdn.waiting).toEqual({ first: 4, second: 0, retry: 0 });
  finish();
  await tick();
  expect(taken().map((tags) => tags.length)).toEqual([4]);
});

it('receives at most so many tags at once', async () => {
  const world = await newWorld();
  const { taken } = newCdn(world, { repeatAfterMs: 0, tagsPerCallMax: 4 });
  await world.cache.invalidate(times(5, (n) => `tag-${n}`));
  await tick();
  const purged = taken();
  expect(purged.map((tags) => tags.length)).toEqual([4, 4, 2]);
  expect(new Set(purged.flat()).size).toBe(10);
});

it('runs outside of the request and the load that invalidate', async () => {
  const world = await newWorld();
  const requests = new AsyncLocalStorage<string>();
  const seen: unknown[] = [];
  newCdn(world, {
    repeatAfterMs: 0,
    onInvalidate: () => void seen.push(requests.getStore(), currentLoad()),
  });
  const load = (): Promise<void> => world.cache.invalidate(['other']);
  await requests.run('request', () => world.fetch({ load }));
  await tick();
  expect(seen).toEqual([undefined, undefined]);
});

describe('a second purge', () => {
  it('follows after two seconds by default, once', async () => {
    const world = await newWorld();
    const { purges } = newCdn(world);
    await world.cache.invalidate(['products']);
    await tick();
    world.clock.advance(1_999);
    await tick();
    expect(purges.map(({ isRepeated }) => isRepeated)).toEqual([false]);
    world.clock.advance(1);
    await tick();
    expect(purges.map(({ isRepeated }) => isRepeated)).toEqual([false, true]);
    expect(purges[1]?.tags).toEqual(purges[0]?.tags);
    world.clock.advance(60_000);
    await tick();
    expect(purges).toHaveLength(2);
    expect(world.trace.count('purge')).toBe(2);
  });

  it('does not wait until nothing is invalidated any more', async () => {
    const world = await newWorld('memory', { namespace: 'shop' });
    let takesLong = true;
    const { purges } = newCdn(world, {
      onInvalidate: () => takesLong && new Promise<void>((resolve) => void world.clock.after(200, resolve)),
    });
    await world.cache.invalidate(['products:1']);
    for (const n of times(50, Number)) {
      await world.cache.invalidate([`reviews:${n}`]);
      world.clock.advance(100);
      await tick();
    }
    const made = purges.filter(({ tags }) => tags.includes('shop.products.1'));
    expect(made.map(({ isRepeated }) => isRepeated)).toEqual([false, true]);
    takesLong = false;
    world.clock.advance(200);
  });

  it('is one for a tag that is invalidated again and again: its other purges do the work until then', async () => {
    const world = await newWorld('memory', { namespace: 'shop' });
    const { cdn, purges } = newCdn(world);
    for (const _ of times(10, Number)) {
      await world.cache.invalidate('everything');
      await tick();
      await pass(world.clock, 500);
      expect(cdn.waiting).toEqual({ first: 0, second: 1, retry: 0 });
    }
    expect(purges.map(({ isRepeated }) => isRepeated)).toEqual(times(10, () => false));
    await pass(world.clock, 1_500);
    expect(purges.map(({ isRepeated }) => isRepeated)).toEqual([...times(10, () => false), true]);
  });

  it('takes one timer, however many tags wait for it', async () => {
    const world = await newWorld();
    const { cdn } = newCdn(world);
    const before = world.clock.pending;
    for (const n of times(100, Number)) {
      await world.cache.invalidate([`tag-${n}`]);
      await tick();
      world.clock.advance(1);
    }
    expect(cdn.waiting.second).toBe(200);
    expect(world.clock.pending - before).toBe(1);
  });

  it('is one of everything if too many tags wait for it', async () => {
    const world = await newWorld('memory', { namespace: 'shop' });
    const { cdn, taken } = newCdn(world, { tagsPerCallMax: 2_000, repeatAfterMs: 3_600_000 });
    for (const batch of times(6, Number)) {
      await world.cache.invalidate(times(1_000, (n) => `tag-${batch}-${n}`));
      await tick();
      expect(cdn.waiting.second).toBe(batch < 5 ? (batch + 1) * 2_000 : 1);
    }
    taken();
    await pass(world.clock, 3_600_000, 600_000);
    expect(taken()).toEqual([['shop']]);
  });
});
