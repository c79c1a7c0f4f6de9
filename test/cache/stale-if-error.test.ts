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

describe('in the pause after a failure', () => {
  it('a value that contains others is returned, too', async () => {
    const world = await newWorld();
    let loads = 0;
    let isDown = false;
    const outer: FetchCall = {
      ...call,
      field: 'Query.outer',
      async load() {
        loads += 1;
        if (isDown) throw new Error('down');
        return [await world.fetch({ ttl: '1d', field: 'Query.inner', tags: ['reviews:1'] })];
      },
    };
    await world.fetch(outer);
    world.clock.advance(600_001);
    isDown = true;
    for (const _ of times(5, Number)) {
      expect(await world.fetch(outer)).toEqual(['value']);
      await settled(world);
    }
    expect(loads).toBe(2);
    await world.cache.invalidate(['reviews:1']);
    await expect(world.fetch(outer)).rejects.toThrow('down');
  });

  it('also if the resolver aborts its own call', async () => {
    const world = await newExpiredWorld();
    world.source.fails(new DOMException('timed out', 'AbortError'));
    for (const _ of times(5, Number)) {
      expect(await world.fetch({ ...call, isAborted: () => false })).toBe('value');
      await settled(world);
    }
    expect(world.source.loads).toBe(2);
  });

  it('a value that was removed meanwhile is not returned', async () => {
    const one = await newWorld('redis');
    const two = await newWorld('redis', { namespace: one.namespace });
    await one.fetch(call);
    await age(one, 600_001);
    const held = one.source.hold();
    const first = one.fetch(call);
    await held.begun;
    const waiting = { value: undefined as unknown };
    const second = two.fetch(call).then((value) => (waiting.value = value)); // has read the expired value, and waits for the lease
    await settled(two);
    held.give(() => 'no stored form');
    await first;
    await settled(one);
    two.source.gives('loaded by itself');
    await advanceUntil(two.clock, 50, () => waiting.value !== undefined);
    expect(await second).toBe('loaded by itself');
  });
});

it.each(tiers)('a value that is loaded and cannot be stored replaces the expired one: %s', async (tier) => {
  const world = await newWorld(tier);
  await world.fetch(call);
  await age(world, 600_001);
  world.source.gives(() => 'no stored form');
  expect(await world.fetch(call)).toBeTypeOf('function');
  await settled(world);
  expect(await world.fetch(call)).toBeTypeOf('function');
  world.source.fails(new Error('down'));
  await expect(world.fetch(call)).rejects.toThrow('down');
});

it('requests that have received the expired value load nothing any more, except the one that has begun the load', async () => {
  const world = await newExpiredWorld();
  const held = times(60, () => world.source.hold());
  const requests = Promise.all(times(50, () => world.fetch(call)));
  await held[0]?.begun;
  await settled(world);
  world.clock.advance(2_000);
  expect(new Set(await requests)).toEqual(new Set(['value']));
  for (const _ of times(200, Number)) {
    world.clock.advance(100);
    await settled(world);
  }
  expect(world.source.loads).toBe(2);
});

/** Lets the load fail once more, and returns how many loads a request a second later begins: one if the pause is the shortest. */
async function loadsAfterASecond(world: World): Promise<number> {
  await world.fetch(call);
  await settled(world);
  const before = world.source.loads;
  world.clock.advance(1_000);
  await world.fetch(call);
  return world.source.loads - before;
}

it('only failures of loads for all requests lengthen the pause', async () => {
  const world = await newExpiredWorld();
  world.source.fails(new Error('down'));
  for (const _ of times(6, Number)) await expect(world.fetch({ ...call, mode: 'refresh' })).rejects.toThrow('down');
  expect(await loadsAfterASecond(world)).toBe(1);
});

it('failures of more than a minute ago do not count', async () => {
  const world = await newExpiredWorld();
  world.source.fails(new Error('down'));
  for (const pauseMs of [1_000, 2_000, 4_000, 8_000, 60_001]) {
    await world.fetch(call);
    await settled(world);
    world.clock.advance(pauseMs);
  }
  expect(await loadsAfterASecond(world)).toBe(1);
});

it('if another process has loaded the value meanwhile, it is a hit', async () => {
  const one = await newWorld('redis');
  const two = await newWorld('redis', { namespace: one.namespace });
  await one.fetch(call);
  await age(one, 600_001);
  const held = one.source.hold();
  const request = one.outcome(call);
  await held.begun;
  two.source.gives('fresh');
  await two.fetch({ ...call, mode: 'refresh' });
  one.trace.take();
  held.fail(new Error('down'));
  expect(await request).toMatchObject({ state: 'hit', value: 'fresh' });
  expect(one.trace.take()).toBe('load-failed hit');
});

it('a request that joins another one receives nothing older than it accepts itself', async () => {
  const world = await newExpiredWorld();
  world.clock.advance(120_000);
  world.source.fails(new Error('down'));
  await world.fetch(call);
  await settled(world);
  const [longer, shorter] = await Promise.allSettled([world.fetch(call), world.fetch({ ...call, staleIfError: '1m' })]);
  expect(longer).toMatchObject({ status: 'fulfilled', value: 'value' });
  expect(shorter).toMatchObject({ status: 'rejected' });
});

it('a request that was aborted receives the error, and no event says that a failure was hidden', async () => {
  const world = await newExpiredWorld();
  world.source.fails(new Error('aborted'));
  await expect(world.fetch({ ...call, isAborted: () => true })).rejects.toThrow('aborted');
  expect(world.trace.count('failure-hidden')).toBe(0);
});

it('a load that bypasses the cache has a limit, too', async () => {
  const { fetch, clock, source } = await newWorld();
  const held = source.hold();
  const request = fetch({ mode: 'bypass', timeout: '1s' });
  request.catch(() => {});
  await held.begun;
  clock.advance(1_000);
  await expect(request).rejects.toMatchObject({ code: 'LOAD_TIMEOUT' });
});

/** A world whose value has expired. */
async function newExpiredWorld(): Promise<World> {
  const world = await newWorld();
  await world.fetch(call);
  world.clock.advance(600_001);
  return world;
}

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
