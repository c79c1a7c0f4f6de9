// Expired values that are returned while they are loaded again in the background.
import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from 'vitest';
import type { Cache, Store } from '../../src/cache/index.ts';
import {
  advanceUntil,
  age,
  newNamespace,
  newWorld,
  settled,
  redisClient,
  redisStore,
  TestClock,
  tick,
  tiers,
  times,
  type FetchCall,
  type World,
} from './world.ts';

/** Fresh for ten minutes, then stale for an hour. */
const call: FetchCall = { ttl: '10m', stale: '1h', tags: ['products'], early: false };

describe.each(tiers)('on the %s store', (tier) => {
  const newStaleWorld = async (load = 'old', options: Parameters<typeof newWorld>[1] = {}): Promise<World> => {
    const world = await newWorld(tier, options);
    world.source.gives(load);
    await world.fetch(call);
    await age(world, 600_001);
    world.trace.take();
    world.source.gives('new');
    return world;
  };

  it('all requests receive the stale value, and one load refreshes it', async () => {
    const world = await newStaleWorld();
    const seen = await Promise.all(times(50, () => world.fetch(call)));
    expect(new Set(seen)).toEqual(new Set(['old']));
    await settled(world);
    expect(world.source.loads).toBe(2);
    expect(world.trace.take()).toBe('stale×50 load write');
    expect(await world.outcome(call)).toMatchObject({ state: 'hit', value: 'new' });
  });

  it('requests receive the stale value while the refresh runs, which they do not wait for', async () => {
    const world = await newStaleWorld();
    const held = world.source.hold();
    expect(await world.outcome(call)).toMatchObject({ state: 'stale', value: 'old', ttlMs: 0 });
    await held.begun;
    expect(await world.outcome(call)).toMatchObject({ state: 'stale', value: 'old' });
    held.give('new');
    await settled(world);
    expect(await world.fetch(call)).toBe('new');
    expect(world.source.loads).toBe(2);
  });

  it.each<[string, (cache: Cache) => Promise<unknown>]>([
    ['its tag was invalidated', (cache) => cache.invalidate(['products'])],
    ['everything was invalidated', (cache) => cache.invalidate('everything')],
    ['everything was flushed', (cache) => cache.flush()],
  ])('a stale value is not returned after %s', async (_, invalidate) => {
    const world = await newStaleWorld();
    await invalidate(world.cache);
    expect(await world.outcome(call)).toMatchObject({ state: 'miss', value: 'new' });
  });

  it('a request that finds it invalidated during its refresh loads, and the refresh does not replace that value', async () => {
    const world = await newStaleWorld();
    const held = world.source.hold();
    await world.fetch(call);
    await held.begun;
    await world.cache.invalidate(['products']);
    expect(await world.outcome(call)).toMatchObject({ state: 'miss', value: 'new' });
    held.give('outdated');
    await settled(world);
    expect(await world.outcome(call)).toMatchObject({ state: 'hit', value: 'new' });
  });

  it('a stale value is not returned after the time that it may be stale', async () => {
    const world = await newStaleWorld();
    await age(world, 3_600_000);
    expect(await world.outcome(call)).toMatchObject({ state: 'miss', value: 'new' });
  });

  it('a stale value is not returned to a fetch whose policy allows no, or less, stale time', async () => {
    const world = await newStaleWorld();
    expect(await world.outcome({ ...call, stale: '1ms' })).toMatchObject({ state: 'miss', value: 'new' });
  });

  it('a load that fetches a stale value loads it instead', async () => {
    const world = await newStaleWorld();
    const outer = { field: 'Query.outer', load: async () => [await world.fetch(call)] };
    expect(await world.fetch(outer)).toEqual(['new']);
    expect(await world.outcome(outer)).toMatchObject({ state: 'hit', value: ['new'] });
  });

  it('a stale value that another process has stored since is not used by a fetch that allows none', async () => {
    const world = await newStaleWorld();
    const store: Store = {
      ...world.store,
      // As if it had been stored between this read and the request for the lease.
      read: async (key, tags) => ({ ...(await world.store.read(key, tags)), text: undefined }),
    };
    const { clock } = world;
    const other = await newWorld(store, { clock });
    expect(await other.outcome({ ...call, stale: '1ms' })).toMatchObject({ state: 'miss', value: 'value' });
  });

  it('a refresh that fails is not repeated for a second, and the stale value is returned meanwhile', async () => {
    const world = await newStaleWorld();
    world.source.fails(new Error('down'));
    const failed = world.trace.next('background-failed');
    expect(await world.fetch(call)).toBe('old');
    await failed;
    await settled(world);
    for (const _ of times(5, Number)) {
      expect(await world.outcome(call)).toMatchObject({ state: 'stale', value: 'old' });
      await settled(world);
    }
    expect(world.source.loads).toBe(2);
  });

  it('a refresh has the load for later, and runs outside of the request', async () => {
    const world = await newStaleWorld();
    const request = new AsyncLocalStorage<string>();
    let seen: unknown = 'nothing';
    const reload = (): string => {
      seen = request.getStore();
      return 'reloaded';
    };
    expect(await request.run('request', () => world.fetch({ ...call, reload }))).toBe('old');
    await settled(world);
    expect(seen).toBeUndefined();
    expect(await world.fetch(call)).toBe('reloaded');
  });

  it('bypass and refresh do not return a stale value', async () => {
    const world = await newStaleWorld();
    expect(await world.outcome({ ...call, mode: 'bypass' })).toMatchObject({ state: 'bypass', value: 'new' });
    expect(await world.outcome({ ...call, mode: 'refresh' })).toMatchObject({ state: 'refresh', value: 'new' });
    expect(await world.outcome(call)).toMatchObject({ state: 'hit' });
  });

  it('a stale value is no hit of a cached response', async () => {
    const world = await newWorld(tier);
    await world.fetch(call);
    const { entryRef } = await world.outcome(call);
    const refs = entryRef === undefined ? [] : [entryRef];
    expect(await world.cache.revalidate(refs)).toHaveLength(1);
    await age(world, 600_001);
    await tick(); // requests of one tick share the check
    expect(await world.cache.revalidate(refs)).toBeUndefined();
    expect(await world.outcome(call)).toMatchObject({ state: 'stale', entryRef: undefined });
  });

  it('the age of a stale value counts from when it was loaded', async () => {
    const world = await newStaleWorld();
    const { ageMs } = await world.outcome(call);
    expect(ageMs).toBeGreaterThanOrEqual(600_000);
    expect(ageMs).toBeLessThan(1_200_000);
  });

  it('closing the cache does not wait for a refresh, whose value is not stored', async () => {
    const world = await newStaleWorld();
    const held = world.source.hold();
    await world.fetch(call);
    await held.begun;
    await world.cache.close();
    held.give('new');
    await settled(world);
    expect(world.trace.count('write')).toBe(0);
    expect(world.trace.count('background-failed')).toBe(0);
  });

  it('a refresh that does not end is given up after ten seconds, and another process may begin one', async () => {
    const world = await newStaleWorld();
    const held = world.source.hold();
    await world.fetch(call);
    await held.begun;
    await advanceUntil(world.clock, 1_000, () => world.trace.count('background-failed') === 1);
    expect(world.trace.events.find(({ type }) => type === 'background-failed')).toMatchObject({
      error: { code: 'LOAD_TIMEOUT', message: 'Query.field: a load in the background has run for 10000 ms' },
    });
    // The lease of a load is renewed for a minute.
    world.clock.advance(70_000);
    await settled(world);
    await redisClient().then(
      async (client) => await client.del(`{${world.cache.key({ field: 'Query.field' }).text}}:lease`),
    );
    expect(await world.fetch(call)).toBe('old');
    await settled(world);
    expect(world.source.loads).toBe(3);
    held.give('outdated');
    await settled(world);
    expect(await world.fetch(call)).toBe('new');
  });
});

describe('with memory tiers', () => {
  const long: FetchCall = { ...call, ttl: '1h' };
  const memoryBytesMax = 1_000_000;

  /** Processes on one namespace and one clock that all have the value in memory, and then wait until it is stale. */
  async function staleInMemory(count: number): Promise<World[]> {
    const [namespace, clock] = [newNamespace(), new TestClock()];
    const worlds = await Promise.all(times(count, () => newWorld('redis', { namespace, clock, memoryBytesMax })));
    const areCoherent = (): boolean => worlds.every(({ cache }) => cache.memory?.isCoherent === true);
    await advanceUntil(clock, 100, areCoherent);
    for (const world of worlds) {
      world.source.gives('old');
      await world.fetch(long);
      while ((await world.outcome(long)).tier !== 'memory') await advanceUntil(clock, 50, areCoherent);
    }
    clock.stall(3_600_000);
    await advanceUntil(clock, 100, areCoherent);
    for (const world of worlds) world.source.gives('new');
    return worlds;
  }

  it('a stale value is returned from memory, and one process of three refreshes it for all', async () => {
    const worlds = await staleInMemory(3);
    const outcomes = await Promise.all(worlds.flatMap((world) => times(33, () => world.outcome(long))));
    expect(new Set(outcomes.map(({ state, tier, value }) => [state, tier, value].join()))).toEqual(
      new Set(['stale,memory,old']),
    );
    for (const world of worlds) await settled(world);
    expect(worlds.reduce((sum, { source }) => sum + source.loads, 0)).toBe(2);
    for (const world of worlds) {
      await expect.poll(async () => (await world.outcome(long)).value).toBe('new');
    }
    expect(worlds.reduce((sum, { source }) => sum + source.loads, 0)).toBe(2);
  });

  it('a stale value in memory is not returned to a fetch whose policy allows no, or less, stale time', async () => {
    const [world] = (await staleInMemory(1)) as [World];
    // By the time of Redis, it has not expired.
    expect(await world.outcome({ ...long, stale: '1ms' })).toMatchObject({ state: 'hit', tier: 'redis' });
  });

  it('a stale value is not returned after another process has invalidated it', async () => {
    const worlds = await staleInMemory(2);
    const [reader, writer] = worlds as [World, World];
    await writer.cache.invalidate(['products']);
    // For half a second at most.
    await advanceUntil(reader.clock, 100, () => reader.cache.memory?.isCoherent === true);
    await expect.poll(async () => (await reader.outcome(long)).state).not.toBe('stale');
    expect(await reader.fetch(long)).toBe('new');
  });
});

it('a process asks for the lease once, and does not wait for the refresh of another one', async () => {
  const [namespace, clock] = [newNamespace(), new TestClock()];
  const store = await redisStore(namespace);
  let acquires = 0;
  const counting: Store = {
    ...store,
    acquire: (key, request) => {
      acquires += 1;
      return store.acquire(key, request);
    },
  };
  const [holder, other] = [await newWorld('redis', { namespace, clock }), await newWorld(counting, { clock })];
  await holder.fetch(call);
  await age(holder, 600_001);
  const held = holder.source.hold();
  await holder.fetch(call);
  await held.begun;
  await Promise.all(times(20, () => other.fetch(call)));
  await settled(other);
  clock.advance(1_000); // those that wait for a lease ask again within this time
  await settled(other);
  expect(acquires).toBe(1);
  held.give('new');
  await settled(holder);
  expect(await other.outcome(call)).toMatchObject({ state: 'hit', value: 'new' });
});

describe('early refresh', () => {
  /** Redis' own time passes by less than this while a test runs. */
  const patientCall: FetchCall = { ttl: '1h', early: true, tags: ['products'] };

  it.each(tiers)(
    'on the %s store, a fresh value is loaded again while it is returned, when the draw says so',
    async (tier) => {
      let random = 1;
      const world = await newWorld(tier, { random: () => random });
      world.source.gives('old');
      await world.fetch(patientCall);
      world.source.gives('new');
      expect(await world.outcome(patientCall)).toMatchObject({ state: 'hit', value: 'old' });
      await settled(world);
      expect(world.source.loads).toBe(1);
      random = 0; // the logarithm is infinite: always due
      expect(await world.outcome(patientCall)).toMatchObject({ state: 'hit', value: 'old' });
      random = 1;
      await settled(world);
      expect(world.source.loads).toBe(2);
      expect(await world.outcome(patientCall)).toMatchObject({ state: 'hit', value: 'new' });
    },
  );

  it('replaces the value in the memory of other processes', async () => {
    const [namespace, clock] = [newNamespace(), new TestClock()];
    let random = 1;
    const options = { namespace, clock, memoryBytesMax: 1_000_000 };
    const other = await newWorld('redis', options);
    const world = await newWorld('redis', { ...options, random: () => random });
    await advanceUntil(clock, 100, () => other.cache.memory?.isCoherent === true);
    world.source.gives('old');
    await world.fetch(patientCall);
    while ((await other.outcome(patientCall)).tier !== 'memory') await tick();
    world.source.gives('new');
    random = 0;
    await world.fetch(patientCall);
    random = 1;
    await settled(world);
    await expect.poll(async () => await other.fetch(patientCall)).toBe('new');
    expect(other.source.loads).toBe(0);
  });

  it('may begin with a hit of a cached response', async () => {
    let random = 1;
    const world = await newWorld('memory', { random: () => random });
    await world.fetch(patientCall);
    const { entryRef } = await world.outcome(patientCall);
    const refs = entryRef === undefined ? [] : [entryRef];
    expect(await world.cache.revalidate(refs)).toHaveLength(1);
    await tick();
    random = 0;
    expect(await world.cache.revalidate(refs)).toBeUndefined(); // a request with a context is needed
    random = 1;
    await world.fetch(patientCall);
    await settled(world);
    expect(world.source.loads).toBe(2);
  });

  it('without the option, nothing is loaded early', async () => {
    const world = await newWorld('memory', { random: () => 0 });
    await world.fetch({ ...patientCall, early: false });
    await world.fetch({ ...patientCall, early: false });
    await settled(world);
    expect(world.source.loads).toBe(1);
  });
});
