// `cache.replaceField` replaces one property of a stored value.
import { describe, expect, it, onTestFinished } from 'vitest';
import { call, Decimal, keyOf } from './fields-world.ts';
import { newProcesses } from './processes.ts';
import { newFaultyWorld } from './store/faulty-store.ts';
import {
  advanceUntil,
  age,
  newNamespace,
  newWorld,
  redisStore,
  settled,
  tick,
  tiers,
  times,
  type FetchCall,
  type World,
} from './world.ts';

const inMemory = { memoryBytesMax: 1_000_000 };

const product = { name: 'Kestrel', stock: 12, price: '74.99' };

async function filled(...args: Parameters<typeof newWorld>): Promise<World> {
  const world = await newWorld(...args);
  world.source.gives(product);
  await world.fetch(call);
  return world;
}

describe.each(tiers)('on the %s store', (tier) => {
  it('replaces one property and leaves the others, the life of the value and its tags as they are', async () => {
    const world = await filled(tier);
    const { cache, outcome, trace } = world;
    await age(world, 30_000);
    trace.take();
    expect(await cache.replaceField(keyOf(world), 'stock', 11)).toBe(true);
    expect(trace.take()).toBe('replace');
    const after = await outcome(call);
    expect(after).toMatchObject({ state: 'hit', value: { ...product, stock: 11 } });
    expect(JSON.stringify(after.value)).toBe(JSON.stringify({ ...product, stock: 11 }));
    expect(after.ttlMs).toBeLessThanOrEqual(30_000);
    expect(after.ttlMs).toBeGreaterThan(1_000);
    expect(await outcome({ ...call, only: ['stock'] })).toMatchObject({ value: { stock: 11 } });
    await cache.invalidate(['products']);
    expect((await outcome(call)).state).toBe('miss');
  });

  it('finds the value by its field and arguments', async () => {
    const { cache, source, fetch } = await newWorld(tier);
    source.gives(product);
    const of: FetchCall = { ...call, args: { id: 1 }, viewer: 7 };
    await fetch(of);
    expect(await cache.replaceField({ field: 'Query.field', args: { id: 1 } }, 'stock', 11)).toBe(false);
    expect(await cache.replaceField({ field: 'Query.field', args: { id: 1 }, viewer: 7 }, 'stock', 11)).toBe(true);
    expect(await fetch(of)).toEqual({ ...product, stock: 11 });
    expect(source.loads).toBe(1);
  });

  it('replaces a property of any name by any value', async () => {
    const { cache, source, fetch, ...world } = await newWorld(tier);
    const names = ['', '!id', '__proto__', '$', '🪴'];
    source.gives(Object.fromEntries(names.map((name) => [name, 1])));
    await fetch(call);
    const value = { at: new Date(0), ids: new Set([1n]), nothing: undefined };
    for (const name of names) {
      expect(await cache.replaceField(keyOf({ cache, source, fetch, ...world }), name, value)).toBe(true);
      expect(await fetch({ ...call, only: [name] })).toStrictEqual(Object.fromEntries([[name, value]]));
    }
    expect(source.loads).toBe(1);
  });

  it('does not make an invalidated value valid', async () => {
    const world = await filled(tier);
    const { cache, outcome } = world;
    await cache.invalidate(['products']);
    expect(await cache.replaceField(keyOf(world), 'stock', 11)).toBe(false);
    expect(await outcome(call)).toMatchObject({ state: 'miss', value: product });
  });

  it('does not bring back a value that has expired, and replaces a property of a stale one', async () => {
    const world = await newWorld(tier);
    const { cache, outcome, source } = world;
    const stale: FetchCall = { ...call, stale: '60s' };
    source.gives(product);
    await world.fetch(stale);
    await age(world, 60_001);
    expect(await cache.replaceField(keyOf(world), 'stock', 11)).toBe(true);
    const held = source.hold();
    expect(await outcome(stale)).toMatchObject({ state: 'stale', value: { stock: 11 } });
    await age(world, 60_001);
    expect(await cache.replaceField(keyOf(world), 'stock', 10)).toBe(false);
    held.give(product);
    await settled(world);
    expect(await outcome(stale)).toMatchObject({ value: { stock: 12 } });
  });

  it.each([
    ['is stored as one text', { ...call, fields: false }, product, 'stock'],
    ['has no such property', call, { name: 'Kestrel' }, 'stock'],
    ['is no object', call, null, 'stock'],
  ])('a value that %s is removed, so that no read returns the property from before', async (_, stored, value, name) => {
    const world = await newWorld(tier);
    const { cache, source, outcome } = world;
    source.gives(value);
    await world.fetch(stored);
    source.gives({ ...product, stock: 11 });
    expect(await cache.replaceField(keyOf(world), name, 11)).toBe(false);
    expect(await outcome(stored)).toMatchObject({ state: 'miss', value: { stock: 11 } });
  });

  it('rejects a value without a stored form, and changes nothing', async () => {
    const world = await filled(tier);
    const { cache, outcome } = world;
    const value = [new Decimal()];
    await expect(cache.replaceField(keyOf(world), 'stock', value)).rejects.toMatchObject({ code: 'UNENCODABLE' });
    expect(await outcome(call)).toMatchObject({ state: 'hit', value: product });
  });

  it.each([true, false])(
    'a load that began before is not stored, and later requests do not join it: %s',
    async (isStored) => {
      const world = await newWorld(tier);
      const { cache, source, outcome, fetch } = world;
      // With a value, the load is a refresh in the background; without one, a miss.
      const stale: FetchCall = { ...call, stale: '60s' };
      source.gives(product);
      if (isStored) await fetch(stale);
      if (isStored) await age(world, 60_001);
      const held = source.hold();
      const first = fetch(stale);
      await held.begun;
      expect(await cache.replaceField(keyOf(world), 'stock', 11)).toBe(isStored);
      source.gives({ ...product, stock: 11 });
      const state = { isDone: false };
      const later = outcome({ ...stale, only: ['stock'] }).finally(() => (state.isDone = true));
      await advanceUntil(world.clock, 10, () => state.isDone);
      expect((await later).value).toEqual({ stock: 11 });
      held.give(product);
      await first;
      await settled(world);
      expect(await outcome({ ...stale, only: ['stock'] })).toMatchObject({ value: { stock: 11 } });
    },
  );

  it('entries read before are no longer confirmed, so responses that were made from them are not reused', async () => {
    const world = await filled(tier);
    const { cache, outcome } = world;
    const { entryRef } = await outcome({ ...call, only: ['stock'] });
    if (entryRef === undefined) throw new Error('not a hit');
    expect(await cache.revalidate([entryRef])).toHaveLength(1);
    await cache.replaceField(keyOf(world), 'stock', 13);
    expect(await cache.revalidate([entryRef])).toBeUndefined();
  });

  it('replacements at the same time are all made', async () => {
    const world = await newWorld(tier);
    const { cache, source, fetch } = world;
    const names = times(20, (index) => `p${index}`);
    source.gives(Object.fromEntries(names.map((name) => [name, 'old'])));
    await fetch(call);
    const replaced = await Promise.all(names.map((name) => cache.replaceField(keyOf(world), name, 'new')));
    expect(new Set(replaced)).toEqual(new Set([true]));
    expect(await fetch(call)).toEqual(Object.fromEntries(names.map((name) => [name, 'new'])));
    expect(source.loads).toBe(1);
  });
});

it('removes the value from the memory of this process and of others', async () => {
  const one = await filled('redis', inMemory);
  const two = await newWorld('redis', { namespace: one.namespace, memoryBytesMax: 1_000_000 });
  for (const { clock, cache, outcome } of [one, two]) {
    await advanceUntil(clock, 10, () => cache.memory?.isCoherent === true);
    await outcome(call);
    expect(await outcome(call)).toMatchObject({ tier: 'memory', value: product });
  }
  expect(await one.cache.replaceField(keyOf(one), 'stock', 11)).toBe(true);
  expect((await one.outcome(call)).value).toEqual({ ...product, stock: 11 });
  await expect.poll(async () => (await two.outcome(call)).value).toEqual({ ...product, stock: 11 });
});

it('no read that begins afterwards in this process returns the property from before, although the notice of the change is late', async () => {
  const store = await redisStore(newNamespace());
  const { track } = store;
  if (track === undefined) throw new Error('the store does not report changes');
  const trackLate: typeof track = (listener) => {
    const late: typeof listener = Object.create(listener) as typeof listener;
    return track(Object.assign(late, { onReplaced: () => {} }));
  };
  const world = await filled({ ...store, track: trackLate }, inMemory);
  const { clock, cache, outcome } = world;
  await advanceUntil(clock, 10, () => cache.memory?.isCoherent === true);
  await outcome(call);
  expect(await outcome(call)).toMatchObject({ tier: 'memory', value: product });
  await cache.replaceField(keyOf(world), 'stock', 11);
  expect(await outcome(call)).toMatchObject({ value: { stock: 11 } });
});

it('a load in another process that began before is not stored', async () => {
  const { one, two } = await newProcesses();
  const held = two.source.hold();
  const loading = two.fetch(call);
  await held.begun;
  expect(await one.cache.replaceField(keyOf(one), 'stock', 11)).toBe(false);
  held.give(product);
  expect(await loading).toEqual(product);
  one.source.gives({ ...product, stock: 11 });
  expect(await one.fetch(call)).toEqual({ ...product, stock: 11 });
});

it('rejects if it is not known whether the property was replaced', async () => {
  const { faulty, ...world } = await newFaultyWorld();
  world.source.gives(product);
  await world.fetch(call);
  faulty.health = 'failing';
  const replaced = world.cache.replaceField(keyOf(world), 'stock', 11);
  await expect(replaced).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
});

it('removes the value if the store has no room for the new property', async () => {
  const { faulty, ...world } = await newFaultyWorld(['replaceProperty']);
  world.source.gives(product);
  await world.fetch(call);
  faulty.health = 'full';
  expect(await world.cache.replaceField(keyOf(world), 'stock', 11)).toBe(false);
  expect((await world.cache.usage()).keys).toBe(0);
});

it.each([
  ['a promise', (promise: Promise<unknown>): unknown => promise],
  ['a promise in it', (promise: Promise<unknown>): unknown => ({ price: [promise] })],
])('rejects %s, whose own rejection ends no process', async (_, valueWith) => {
  const world = await filled();
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  process.on('unhandledRejection', note);
  onTestFinished(() => void process.off('unhandledRejection', note));
  const value = valueWith(Promise.reject(new Error('late')));
  const replaced = world.cache.replaceField(keyOf(world), 'stock', value);
  await expect(replaced).rejects.toMatchObject({ code: 'UNENCODABLE' });
  await tick();
  expect(unhandled).toEqual([]);
});

it.each([
  [{}, 'stock', 'INVALID_KEY'],
  [undefined, 'stock', 'INVALID_KEY'],
  [{ field: 'Query:a' }, 'stock', 'INVALID_KEY'],
  [{ text: 'shop:a', field: 'Query.a' }, 1, 'INVALID_OPTIONS'],
])('rejects the key %j with the name %j: %s', async (key, name, code) => {
  const { cache } = await newWorld();
  await expect(cache.replaceField(key as never, name as never, 1)).rejects.toMatchObject({ code });
});
