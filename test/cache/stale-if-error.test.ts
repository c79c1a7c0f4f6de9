// Expired values that are returned because their load fails or takes long.
import { describe, expect, it } from 'vitest';
import type { Cache, Store } from '../../src/cache/index.ts';
import {
  advanceUntil,
  age,
  newWorld,
  settled,
  tiers,
  times,
  withResolvers,
  type FetchCall,
  type World,
} from './world.ts';

/** Fresh for ten minutes, then returned for an hour if the load fails. */
const call: FetchCall = { ttl: '10m', staleIfError: '1h', tags: ['products'] };

describe.each(tiers)('on the %s store', (tier) => {
  async function newFailingWorld(): Promise<World> {
    const world = await newWorld(tier);
    world.source.gives('old');
    await world.fetch(call);
    await age(world, 600_001);
    world.source.fails(new Error('down'));
    world.trace.take();
    return world;
  }

  it('an expired value is returned if its load fails, and the outcome and an event say so', async () => {
    const world = await newFailingWorld();
    expect(await world.outcome(call)).toMatchObject({ state: 'stale', value: 'old', isFallback: true, ttlMs: 0 });
    expect(world.trace.take()).toBe('load-failed failure-hidden stale');
  });

  it('all requests that wait for the load receive it', async () => {
    const world = await newFailingWorld();
    expect(new Set(await Promise.all(times(20, () => world.fetch(call))))).toEqual(new Set(['old']));
    expect(world.source.loads).toBe(2);
  });

  it('if its load does not fail, it is not returned', async () => {
    const world = await newFailingWorld();
    world.source.gives('new');
    expect(await world.outcome(call)).toMatchObject({ state: 'miss', value: 'new' });
  });

  it.each<[string, (cache: Cache) => Promise<unknown>]>([
    ['its tag was invalidated', (cache) => cache.invalidate(['products'])],
    ['everything was flushed', (cache) => cache.flush()],
  ])('after %s, requests receive the error', async (_, invalidate) => {
    const world = await newFailingWorld();
    await invalidate(world.cache);
    await expect(world.fetch(call)).rejects.toThrow('down');
  });

  it('if it is invalidated while its load runs, requests receive the error', async () => {
    const world = await newFailingWorld();
    const held = world.source.hold();
    const request = world.fetch(call);
    await held.begun;
    await world.cache.invalidate(['products']);
    held.fail(new Error('down'));
    await expect(request).rejects.toThrow('down');
  });

  it('after its time, requests receive the error', async () => {
    const world = await newFailingWorld();
    await age(world, 3_600_000);
    await expect(world.fetch(call)).rejects.toThrow('down');
  });

  it('a fetch inside a load receives the error', async () => {
    const world = await newFailingWorld();
    await expect(world.fetch({ field: 'Query.outer', load: () => world.fetch(call) })).rejects.toThrow('down');
  });

  it('in the pause after a failure, requests that wait together receive it too, but no load that needs it', async () => {
    const world = await newFailingWorld();
    await world.fetch(call);
    await settled(world);
    world.trace.take();
    const [begun, gate] = [withResolvers<void>(), withResolvers<void>()];
    const load = async (): Promise<unknown> => {
      begun.resolve();
      await gate.promise;
      return [await world.fetch(call)];
    };
    const outer = world.fetch({ field: 'Query.outer', load });
    outer.catch(() => {});
    await begun.promise;
    const requests = times(5, () => world.outcome(call));
    gate.resolve(); // its fetch joins theirs
    const outcomes = await Promise.all(requests);
    for (const outcome of outcomes) expect(outcome).toMatchObject({ state: 'stale', isFallback: true, ttlMs: 0 });
    expect(outcomes.map(({ value }) => value)).toEqual(times(5, () => 'old'));
    await expect(outer).rejects.toThrow('down');
  });

  it('in that pause, a value that is invalidated while a request asks for the lease is not returned', async () => {
    const world = await newFailingWorld();
    await world.fetch(call);
    await settled(world);
    const { store, clock } = world;
    let isInvalidated = false;
    const invalidating: Store = {
      ...store,
      async acquire(key, request) {
        if (!isInvalidated) await store.dropTokens(['products', 'products:!']);
        isInvalidated = true;
        return await store.acquire(key, request);
      },
    };
    const other = await newWorld(invalidating, { clock });
    other.source.fails(new Error('down'));
    await expect(other.fetch(call)).rejects.toThrow('down');
    expect(isInvalidated).toBe(true);
  });

  it('after a failure it is loaded again after 1, 2, 4, 8, 16, 30 and 30 seconds, and at once when it was loaded', async () => {
    const world = await newFailingWorld();
    await world.fetch(call);
    const pausesMs: number[] = [];
    for (const pauseMs of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
      await settled(world);
      const before = world.source.loads;
      expect(await world.outcome(call)).toMatchObject({ state: 'stale', isFallback: true });
      await age(world, pauseMs - 500);
      expect(await world.outcome(call)).toMatchObject({ state: 'stale', isFallback: true });
      expect(world.source.loads).toBe(before);
      await age(world, 500);
      expect(await world.fetch(call)).toBe('old');
      expect(world.source.loads).toBe(before + 1);
      pausesMs.push(pauseMs);
    }
    await settled(world);
    world.source.gives('new');
    await age(world, 30_000);
    expect(await world.outcome(call)).toMatchObject({ state: 'miss', value: 'new' });
    await age(world, 600_001);
    world.source.fails(new Error('down again'));
    expect(await world.fetch(call)).toBe('new');
    await settled(world);
    await age(world, 1_000);
    const before = world.source.loads;
    expect(await world.fetch(call)).toBe('new');
    expect(world.source.loads).toBe(before + 1);
  });

  it('a request waits for its load for two seconds, then receives it, and the load is stored', async () => {
    const world = await newFailingWorld();
    const held = world.source.hold();
    const request = world.outcome(call);
    await held.begun;
    await advanceUntil(world.clock, 1_000, () => world.trace.count('stale') === 1);
    expect(await request).toMatchObject({ state: 'stale', value: 'old', isFallback: true });
    held.give('new');
    await settled(world);
    expect(await world.outcome(call)).toMatchObject({ state: 'hit', value: 'new' });
  });

  it('a load that takes longer than its limit fails with an error that says so', async () => {
    const world = await newWorld(tier);
    const held = world.source.hold();
    const failed = { isFailed: false };
    const request = world.fetch({ timeout: '10s' });
    request.catch(() => (failed.isFailed = true));
    await held.begun;
    await advanceUntil(world.clock, 1_000, () => failed.isFailed);
    await expect(request).rejects.toMatchObject({
      code: 'LOAD_TIMEOUT',
      message: 'Query.field: the load has taken longer than 10000 ms',
    });
    held.give('late');
    await settled(world);
    expect(world.trace.count('write')).toBe(0);
  });
});

it('with stale too, the value is refreshed in the background first, and returned after that while its load fails', async () => {
  const both: FetchCall = { ...call, stale: '5m', early: false };
  const world = await newWorld('memory');
  world.source.gives('old');
  await world.fetch(both);
  world.source.fails(new Error('down'));
  world.clock.advance(700_000);
  const first = await world.outcome(both);
  expect(first).toMatchObject({ state: 'stale', value: 'old' });
  expect(first.isFallback).toBeUndefined();
  await settled(world);
  world.clock.advance(300_000);
  expect(await world.outcome(both)).toMatchObject({ state: 'stale', value: 'old', isFallback: true });
});
