// Values that are loaded again as soon as they are invalidated.
import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from 'vitest';
import {
  advanceUntil,
  newNamespace,
  newWorld,
  settled,
  TestClock,
  tiers,
  times,
  tick,
  withResolvers,
  type FetchCall,
  type World,
} from './world.ts';

const products: FetchCall = { tags: ['products'], refill: true };

/** Invalidates, and waits for the refill. */
async function refilled({ cache, trace }: World, tags: readonly string[] = ['products']): Promise<void> {
  const refill = trace.next('refill');
  await cache.invalidate(tags);
  await refill;
}

/** Advances the clock until a request that waits for a lease has asked for it again. */
async function answered<T>({ clock }: World, request: Promise<T>): Promise<T> {
  let isAnswered = false;
  void request.finally(() => (isAnswered = true));
  await advanceUntil(clock, 50, () => isAnswered);
  return await request;
}

describe.each(tiers)('on the %s store', (tier) => {
  it('the next request after an invalidation gets the new value as a hit', async () => {
    const world = await newWorld(tier);
    await world.fetch(products);
    world.source.gives('new');
    await refilled(world);
    expect(await world.outcome(products)).toMatchObject({ state: 'hit', value: 'new' });
    expect(world.source.loads).toBe(2);
    expect(world.trace.text).toBe('load write miss invalidate entry-rejected(invalidated) load write refill hit');
  });

  it('a request that arrives meanwhile waits for the refill', async () => {
    const world = await newWorld(tier);
    await world.fetch(products);
    const held = world.source.hold();
    await world.cache.invalidate(['products']);
    await held.begun;
    const request = world.outcome(products);
    await settled(world);
    held.give('new');
    expect(await answered(world, request)).toMatchObject({ state: 'shared', value: 'new' });
    expect(world.source.loads).toBe(2);
  });

  it('an invalidation during a refill is followed by another one', async () => {
    const world = await newWorld(tier);
    await world.fetch(products);
    const held = world.source.hold();
    await world.cache.invalidate(['products']);
    await held.begun;
    world.source.gives('newest');
    const second = world.trace.next('refill');
    await world.cache.invalidate(['products']);
    held.give('outdated');
    await second;
    await settled(world);
    expect(await world.outcome(products)).toMatchObject({ state: 'hit', value: 'newest' });
  });

  it('the refills of a value run one after another', async () => {
    const world = await newWorld(tier);
    await world.fetch(products);
    const [first, second] = [world.source.hold(), world.source.hold()];
    await world.cache.invalidate(['products']);
    await first.begun;
    await world.cache.invalidate(['products']);
    await settled(world);
    expect(world.source.loads).toBe(2);
    first.give('outdated');
    await second.begun;
    second.give('new');
    await settled(world);
    expect(world.source.loads).toBe(3);
  });

  it('a refill that fails fails no request', async () => {
    const world = await newWorld(tier);
    const [{ promise, reject }, { promise: begun, resolve: begin }] = [withResolvers<void>(), withResolvers<void>()];
    const reload = async (): Promise<void> => {
      begin();
      await promise;
    };
    await world.fetch({ ...products, isAborted: () => true, reload });
    await world.cache.invalidate(['products']);
    await begun;
    const request = world.fetch(products);
    await settled(world);
    reject(new Error('an old transaction'));
    expect(await answered(world, request)).toBe('value');
    expect(world.trace.count('background-failed')).toBe(1);
  });

  it('a load without end stops neither other refills nor the end of the cache', async () => {
    const world = await newWorld(tier);
    for (const id of times(5, Number)) await world.fetch({ ...products, args: { id } });
    const held = times(4, () => world.source.hold());
    await world.cache.invalidate(['products']);
    for (const { begun } of held) await begun;
    const refill = world.trace.next('refill');
    await advanceUntil(world.clock, 1_000, () => world.trace.count('background-failed') === 4);
    await refill;
    await world.fetch({ ...products, args: { id: 9 } });
    const last = world.source.hold();
    await world.cache.invalidate(['products']);
    await last.begun;
    await expect(world.cache.close()).resolves.toBeUndefined();
  });

  it('nothing is loaded while the store is not used', async () => {
    const world = await newWorld(tier);
    await world.fetch(products);
    world.cache.suspend(world, true);
    await world.cache.invalidate(['products']);
    await settled(world);
    expect(world.source.loads).toBe(1);
    expect(world.trace.count('refill')).toBe(0);
  });

  it('a value that was returned with a cached response counts as read', async () => {
    const world = await newWorld(tier);
    const hour: FetchCall = { ...products, ttl: '1h' };
    await world.fetch(hour);
    const { entryRef } = await world.outcome(hour);
    world.clock.advance(50_000);
    expect(await world.cache.revalidate(entryRef === undefined ? [] : [entryRef])).toHaveLength(1);
    world.clock.advance(50_000);
    await refilled(world);
    expect(world.source.loads).toBe(2);
  });

  it.each([
    ['a value without the option', { tags: ['products'] }],
    ['a value that bypassed the cache', { ...products, mode: 'bypass' as const }],
    ['a value with other tags', { ...products, tags: ['orders'] }],
  ])('%s is not loaded again', async (_, call: FetchCall) => {
    const world = await newWorld(tier);
    await world.fetch(call);
    await world.cache.invalidate(['products']);
    await settled(world);
    expect(world.source.loads).toBe(1);
  });

  it('a value that was read more than a minute ago is not loaded again', async () => {
    const world = await newWorld(tier);
    const hour: FetchCall = { ...products, ttl: '1h' };
    await world.fetch(hour);
    world.clock.advance(60_000);
    await refilled(world);
    world.clock.advance(1);
    await world.cache.invalidate(['products']);
    await settled(world);
    expect(world.source.loads).toBe(2);
  });

  it.each([
    ['a flush', (world: World) => world.cache.flush()],
    ['an invalidation of everything', (world: World) => world.cache.invalidate('everything')],
  ])('%s is not followed by refills', async (_, invalidate) => {
    const world = await newWorld(tier);
    await world.fetch(products);
    await invalidate(world);
    await settled(world);
    await world.cache.invalidate(['products']);
    await settled(world);
    expect(world.source.loads).toBe(1);
  });

  it('a refill that fails leaves the next request to load', async () => {
    const world = await newWorld(tier);
    await world.fetch(products);
    world.source.fails(new Error('down'));
    const failed = world.trace.next('load-failed');
    await world.cache.invalidate(['products']);
    await failed;
    await settled(world);
    world.source.gives('new');
    expect(await world.outcome(products)).toMatchObject({ state: 'miss', value: 'new' });
    await refilled(world);
  });

  it('only values of a changed row are loaded again', async () => {
    const world = await newWorld(tier);
    const row = (id: number): FetchCall => ({ args: { id }, tags: [`products:${id}`], refill: true });
    await world.fetch(row(1));
    await world.fetch(row(2));
    await refilled(world, ['products:2']);
    await settled(world);
    expect(world.source.loads).toBe(3);
    expect(await world.outcome(row(1))).toMatchObject({ state: 'hit' });
    expect(await world.outcome(row(2))).toMatchObject({ state: 'hit' });
  });

  it('at most four refills run at once, of at most a thousand values', async () => {
    const world = await newWorld(tier);
    let running = 0;
    let most = 0;
    const load = async (): Promise<string> => {
      running += 1;
      most = Math.max(most, running);
      await tick();
      running -= 1;
      return 'value';
    };
    for (const id of times(1_002, Number)) await world.fetch({ ...products, args: { id }, load });
    most = 0;
    await world.cache.invalidate(['products']);
    await expect.poll(() => world.trace.count('refill'), { timeout: 20_000 }).toBe(1_000);
    await settled(world);
    expect(world.trace.count('refill')).toBe(1_000);
    expect(most).toBe(4);
    expect(await world.outcome({ ...products, args: { id: 1 }, load })).toMatchObject({ state: 'miss' });
    expect(await world.outcome({ ...products, args: { id: 2 }, load })).toMatchObject({ state: 'hit' });
  });

  it('a refill runs outside of the request that invalidates, with the load for later', async () => {
    const world = await newWorld(tier);
    const request = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    const reload = (): string => {
      seen.push(request.getStore());
      return 'reloaded';
    };
    await request.run('reader', () => world.fetch({ ...products, reload }));
    await request.run('writer', () => refilled(world));
    expect(seen).toEqual([undefined]);
    expect(await world.fetch(products)).toBe('reloaded');
  });

  it('refills that wait do not begin after the cache is closed', async () => {
    const world = await newWorld(tier);
    for (const id of times(10, Number)) await world.fetch({ ...products, args: { id } });
    const held = times(4, () => world.source.hold());
    await world.cache.invalidate(['products']);
    for (const { begun } of held) await begun;
    const closing = world.cache.close();
    for (const { give } of held) give('value');
    await closing;
    await settled(world);
    expect(world.source.loads).toBe(14);
  });
});

it('what was read in one process is loaded again when another one invalidates, once for all', async () => {
  const namespace = newNamespace();
  const clock = new TestClock();
  const readers = await Promise.all(times(3, () => newWorld('redis', { namespace, clock, memoryBytesMax: 1_000_000 })));
  const writer = await newWorld('redis', { namespace, clock });
  await advanceUntil(clock, 100, () => readers.every(({ cache }) => cache.memory?.isCoherent === true));
  for (const { fetch } of readers) await fetch(products);
  await writer.cache.invalidate(['products']);
  await advanceUntil(clock, 50, () => readers.some(({ trace }) => trace.count('refill') > 0));
  for (const world of readers) await settled(world);
  for (const { outcome } of readers) expect(await outcome(products)).toMatchObject({ state: 'hit', value: 'value' });
  // The notice of the new tokens makes each process look for the value, which is there.
  expect(readers.reduce((refills, { trace }) => refills + trace.count('refill'), 0)).toBe(1);
  expect(readers.reduce((loads, { source }) => loads + source.loads, 0)).toBe(2);
});
