// `onInvalidate` of `createCdn`: when it is called, with what, and what happens if it fails.
import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createCdn, currentLoad, type CacheLog, type CdnOptions, type PurgeCall } from '../../../src/cache/index.ts';
import { newFaultyWorld } from '../store/faulty-store.ts';
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

interface Purge extends PurgeCall {
  readonly tags: readonly string[];
}

/** A CDN that records its purges. */
function newCdn(
  { cache, clock }: Pick<World, 'cache' | 'clock'>,
  { onInvalidate = () => {}, ...options }: CdnOptions = {},
): { purges: Purge[]; taken: () => readonly (readonly string[])[]; close: () => Promise<void> } {
  const purges: Purge[] = [];
  const record = (tags: readonly string[], call: PurgeCall): unknown => {
    purges.push({ tags, ...call });
    return onInvalidate(tags, call);
  };
  const cdn = createCdn(cache, { onInvalidate: record, clock, ...options });
  onTestFinished(() => cdn.close());
  return { purges, taken: () => purges.splice(0).map(({ tags }) => tags), close: () => cdn.close() };
}

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

it('is called when a pending invalidation is delivered, not before', async () => {
  const { cache, clock, faulty, trace } = await newFaultyWorld(['dropTokens']);
  const { purges } = newCdn({ cache, clock }, { repeatAfterMs: 0 });
  faulty.health = 'failing';
  await cache.invalidateCommitted(['products']);
  await tick();
  expect(purges).toEqual([]);
  faulty.health = 'well';
  await advanceUntil(clock, 250, () => trace.count('invalidation-delivered') > 0);
  await tick();
  expect(purges).toHaveLength(1);
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
  const { taken } = newCdn(world, { repeatAfterMs: 0, onInvalidate: () => end });
  await world.cache.invalidate(['one']);
  await tick();
  expect(taken()).toHaveLength(1);
  await world.cache.invalidate(['two']);
  await world.cache.invalidate(['three', 'two']);
  await tick();
  expect(taken()).toEqual([]);
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

  it('is made at once when it is closed; nothing is purged afterwards', async () => {
    const world = await newWorld();
    const { purges, close } = newCdn(world);
    await world.cache.invalidate(['products']);
    await tick();
    await close();
    expect(purges.map(({ isRepeated }) => isRepeated)).toEqual([false, true]);
    await world.cache.invalidate(['products']);
    world.clock.advance(60_000);
    await tick();
    expect(purges).toHaveLength(2);
  });

  it('is made of a purge that had not begun when it was closed', async () => {
    const world = await newWorld();
    const { purges, close } = newCdn(world);
    await world.cache.invalidate(['products']);
    await close();
    expect(purges.map(({ isRepeated }) => isRepeated)).toEqual([false, true]);
  });
});

describe('a purge that fails', () => {
  it('fails no invalidation, is reported, and is tried again after growing pauses', async () => {
    const lines: string[] = [];
    const log: CacheLog = { warn: (_fields, message) => void lines.push(message) };
    const world = await newWorld('memory', { log });
    const { cache, clock, trace } = world;
    const state = { isDown: true };
    const { purges } = newCdn(world, {
      repeatAfterMs: 0,
      onInvalidate: async () => {
        if (state.isDown) throw new Error('the token swordfish is not valid');
      },
    });
    await expect(cache.invalidate('everything')).resolves.toBeUndefined();
    await tick();
    for (const pauseMs of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
      const before = purges.length;
      clock.advance(pauseMs - 1);
      await tick();
      expect(purges).toHaveLength(before);
      clock.advance(1);
      await tick();
      expect(purges).toHaveLength(before + 1);
    }
    state.isDown = false;
    clock.advance(30_000);
    await tick();
    clock.advance(600_000);
    await tick();
    expect(purges).toHaveLength(9);
    expect(new Set(purges.map(({ tags }) => tags.join())).size).toBe(1);
    expect([trace.count('purge-failed'), trace.count('purge')]).toEqual([8, 1]);
    expect(lines[0]).toMatch(/onInvalidate of createCdn failed: .*the CDN may serve older responses/);
    expect(lines.join()).not.toContain('swordfish');
  });

  it('does not hold up the tags of others for ever', async () => {
    const world = await newWorld();
    const isRejected = (tags: readonly string[]): boolean => tags.some((tag) => tag.endsWith('wrong'));
    const { taken } = newCdn(world, {
      repeatAfterMs: 0,
      tagsPerCallMax: 2,
      onInvalidate(tags) {
        if (isRejected(tags)) throw new Error('400');
      },
    });
    await world.cache.invalidate(['wrong']);
    await tick();
    await world.cache.invalidate(['right']);
    await tick();
    expect(taken()).toHaveLength(1);
    world.clock.advance(1_000);
    await tick();
    world.clock.advance(2_000);
    await tick();
    const purged = taken()
      .filter((tags) => !isRejected(tags))
      .flat();
    expect(purged.filter((tag) => tag.includes('.right'))).toHaveLength(2);
  });

  it('is tried again with fewer tags, so that one that is rejected does not hold up those of the same call', async () => {
    const world = await newWorld('memory', { namespace: 'shop' });
    const isRejected = (tags: readonly string[]): boolean => tags.some((tag) => tag.includes('wrong'));
    const { purges } = newCdn(world, {
      repeatAfterMs: 0,
      onInvalidate(tags) {
        if (isRejected(tags)) throw new Error('400');
      },
    });
    await world.cache.invalidate(['wrong', ...times(20, (n) => `right-${n}`)]);
    await tick();
    for (const _ of times(40, Number)) {
      world.clock.advance(30_000);
      await tick();
    }
    const purged = purges.filter(({ tags }) => !isRejected(tags)).flatMap(({ tags }) => tags);
    expect(purged.toSorted()).toEqual(
      times(20, (n) => [`shop.right-${n}`, `shop.right-${n}.!`])
        .flat()
        .toSorted(),
    );
    await world.cache.invalidate(times(40, (n) => `later-${n}`));
    await tick();
    for (const _ of times(3, Number)) {
      world.clock.advance(30_000);
      await tick();
    }
    expect(Math.max(...purges.map(({ tags }) => tags.length))).toBe(30);
    expect(purges.flatMap(({ tags }) => tags)).toContain('shop.later-39');
  });

  it('has all of its tags again, whatever was done to the list', async () => {
    const world = await newWorld();
    const taken: (readonly string[])[] = [];
    const { purges } = newCdn(world, {
      onInvalidate(tags) {
        taken.push((tags as string[]).splice(0));
        if (taken.length === 1) throw new Error('503');
      },
    });
    await world.cache.invalidate('everything');
    await tick();
    world.clock.advance(1_000);
    await tick();
    world.clock.advance(2_000);
    await tick();
    expect(purges).toHaveLength(3);
    expect(taken).toEqual(times(3, () => [world.namespace]));
  });

  it('counts as failed after ten seconds, and its signal is aborted', async () => {
    const world = await newWorld();
    const state = { isDown: true };
    const { purges } = newCdn(world, {
      repeatAfterMs: 0,
      onInvalidate: () => (state.isDown ? new Promise(() => {}) : undefined),
    });
    await world.cache.invalidate(['products']);
    await tick();
    expect(purges[0]?.signal.aborted).toBe(false);
    world.clock.advance(10_000);
    await tick();
    expect(purges[0]?.signal.aborted).toBe(true);
    expect(world.trace.events.at(-1)).toMatchObject({ type: 'purge-failed', error: { code: 'PURGE_TIMEOUT' } });
    state.isDown = false;
    world.clock.advance(1_000);
    await tick();
    expect(purges).toHaveLength(2);
  });

  it('purges everything if too much is waiting', async () => {
    const world = await newWorld('memory', { namespace: 'shop' });
    const state = { isDown: true };
    const { purges } = newCdn(world, {
      repeatAfterMs: 0,
      onInvalidate() {
        if (state.isDown) throw new Error('503');
      },
    });
    await world.cache.invalidate(['first']);
    await tick();
    for (const batch of times(6, Number)) await world.cache.invalidate(times(1_000, (n) => `tag-${batch}-${n}`));
    state.isDown = false;
    world.clock.advance(1_000);
    await tick();
    expect(purges.flatMap(({ tags }) => tags)).toContain('shop');
    expect(purges.length).toBeLessThan(100);
  });

  it('is not tried again after it was closed', async () => {
    const world = await newWorld();
    const { purges, close } = newCdn(world, {
      onInvalidate() {
        throw new Error('503');
      },
    });
    await world.cache.invalidate(['products']);
    await tick();
    await close();
    expect(purges).toHaveLength(2);
    expect(world.trace.events.at(-1)).toMatchObject({ type: 'purge-failed', retryMs: null });
    world.clock.advance(600_000);
    await tick();
    expect(purges).toHaveLength(2);
    expect(world.clock.pending).toBe(0);
  });
});
