// `cache.delete` removes single values.
import { describe, expect, it } from 'vitest';
import type { Codec } from '../../src/cache/index.ts';
import { newProcesses } from './processes.ts';
import { newFaultyWorld } from './store/faulty-store.ts';
import { advanceUntil, newWorld, settled, tick, tiers, times, type FetchCall } from './world.ts';

const call: FetchCall = { field: 'Query.product', args: { id: 1 }, tags: ['products'] };

describe.each(tiers)('on the %s store', (tier) => {
  it('removes the value of a field with these arguments, and no other one', async () => {
    const { cache, fetch, outcome, trace } = await newWorld(tier);
    for (const id of [1, 2]) await fetch({ ...call, args: { id } });
    await fetch({ ...call, viewer: 7 });
    await fetch({ ...call, vary: 'de' });
    trace.take();
    expect(await cache.delete('Query.product', { id: 1 })).toBe(1);
    expect(trace.take()).toBe('delete');
    expect((await outcome({ ...call, args: { id: 2 } })).state).toBe('hit');
    expect((await outcome({ ...call, viewer: 7 })).state).toBe('hit');
    expect((await outcome({ ...call, vary: 'de' })).state).toBe('hit');
    expect((await outcome(call)).state).toBe('miss');
    expect(await cache.delete('Query.product', { id: 1 }, { viewer: 7 })).toBe(1);
    expect((await outcome({ ...call, viewer: 7 })).state).toBe('miss');
    expect(await cache.delete('Query.product', { id: 1 }, { vary: 'de' })).toBe(1);
    expect(await cache.delete('Query.product', { id: 3 })).toBe(0);
  });

  it('a load that runs meanwhile is not stored, and later requests do not join it', async () => {
    const world = await newWorld(tier);
    const held = world.source.hold();
    const first = world.fetch(call);
    await held.begun;
    expect(await world.cache.delete('Query.product', { id: 1 })).toBe(0);
    world.source.gives('new');
    const state = { isDone: false };
    const later = world.outcome(call).finally(() => (state.isDone = true));
    await advanceUntil(world.clock, 10, () => state.isDone);
    expect(await later).toMatchObject({ value: 'new', state: 'miss' });
    held.give('old');
    expect(await first).toBe('old');
    await settled(world);
    expect(await world.outcome(call)).toMatchObject({ value: 'new', state: 'hit' });
  });

  it('nor is a refresh that runs meanwhile', async () => {
    const world = await newWorld(tier);
    await world.fetch(call);
    const held = world.source.hold();
    const refresh = world.fetch({ ...call, mode: 'refresh' });
    await held.begun;
    await world.cache.delete('Query.product', { id: 1 });
    held.give('old');
    expect(await refresh).toBe('old');
    world.source.gives('new');
    expect(await world.outcome(call)).toMatchObject({ value: 'new', state: 'miss' });
  });

  it('nor a load right after one that failed, which has no lease', async () => {
    const world = await newWorld(tier);
    world.source.fails(new Error('down'));
    await expect(world.fetch(call)).rejects.toThrow('down');
    await settled(world);
    const held = world.source.hold();
    const load = world.fetch(call);
    await held.begun;
    await world.cache.delete('Query.product', { id: 1 });
    held.give('old');
    await load;
    world.source.gives('new');
    expect(await world.outcome(call)).toMatchObject({ value: 'new' });
  });
});

it.each(['refresh', 'use'] as const)(
  'a load of another process that began before, and has no lease, is not stored: %s',
  async (mode) => {
    const { one, two } = await newProcesses();
    if (mode === 'use') {
      two.source.fails(new Error('down')); // then every request may load for a second
      await two.fetch(call).catch(() => {});
      await settled(two);
    }
    const held = two.source.hold();
    const loading = two.fetch({ ...call, mode });
    await held.begun;
    await one.cache.delete('Query.product', { id: 1 });
    held.give('old');
    expect(await loading).toBe('old');
    one.source.gives('new');
    expect(await one.outcome(call)).toMatchObject({ value: 'new' });
  },
);

it.each([true, false])(
  'nor is a load whose lease is given late, after the removal; that is known before it ends: %s',
  async (isKnown) => {
    const world = await newFaultyWorld(['read', 'acquire']);
    const { cache, clock, faulty, fetch, outcome, source } = world;
    await fetch({ ...call, args: { id: 2 } }); // creates the tokens
    faulty.health = 'silent';
    const held = source.hold();
    const loading = fetch(call);
    for (const ms of [80, 20]) {
      await tick();
      clock.advance(ms);
      if (ms === 80) faulty.answerAll(); // so that the request for the lease has less time than its own deadline
    }
    await held.begun;
    await cache.delete('Query.product', { id: 1 });
    if (isKnown) faulty.answerAll();
    held.give('old');
    expect(await loading).toBe('old');
    faulty.answerAll();
    faulty.health = 'well';
    await settled(world);
    source.gives('new');
    expect(await outcome(call)).toMatchObject({ value: 'new', state: 'miss' });
  },
);

it('removes it from the memory of this process and of others', async () => {
  const one = await newWorld('redis', { memoryBytesMax: 1_000_000 });
  const two = await newWorld('redis', { namespace: one.namespace, memoryBytesMax: 1_000_000 });
  const inMemory = async ({ outcome, cache, clock }: typeof one): Promise<void> => {
    await advanceUntil(clock, 10, () => cache.memory?.isCoherent === true);
    await outcome(call);
    await outcome(call);
    expect(await outcome(call)).toMatchObject({ tier: 'memory' });
  };
  await inMemory(one);
  await inMemory(two);
  one.source.gives('new');
  expect(await one.cache.delete('Query.product', { id: 1 })).toBe(1);
  expect(await one.outcome(call)).toMatchObject({ state: 'miss', value: 'new' });
  await expect.poll(async () => (await two.outcome(call)).value).toBe('new');
});

it('finds the values of the last 16 schemas', async () => {
  const { cache, fetch } = await newWorld();
  const digests = times(17, (index) => `d${index}`);
  for (const digest of [...digests, 'd0']) cache.registerSchema(digest, new Map([['Query.product', {}]]));
  for (const schemaDigest of digests) await fetch({ field: 'Query.product', schemaDigest });
  expect(await cache.delete('Query.product')).toBe(16);
  expect(await cache.delete('Query.product')).toBe(0);
  cache.registerSchema('d1', new Map([['Query.product', {}]]));
  expect(await cache.delete('Query.product')).toBe(1);
});

it('finds the values of schemas whose defaults are instances with another private state', async () => {
  class Money {
    readonly #cents: number;
    constructor(cents: number) {
      this.#cents = cents;
    }
    static cents(value: object): number {
      return value instanceof Money ? value.#cents : 0;
    }
  }
  const money: Codec<object, number> = {
    name: 'Money',
    test: (value) => value instanceof Money,
    encode: (value) => Money.cents(value),
    decode: (cents) => new Money(cents),
  };
  const { cache, fetch } = await newWorld('memory', { codecs: [money] });
  for (const cents of [1, 2]) {
    const args = { limit: new Money(cents) };
    cache.registerSchema('d1', new Map([['Query.product', args]]));
    await fetch({ ...call, schemaDigest: 'd1', args });
  }
  expect(await cache.delete('Query.product')).toBe(2);
});

it('rejects if it is not known whether the value was removed', async () => {
  const { cache, faulty, fetch, outcome } = await newFaultyWorld();
  await fetch(call);
  faulty.health = 'failing';
  await expect(cache.delete('Query.product', { id: 1 })).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  faulty.health = 'well';
  expect((await outcome(call)).state).toBe('hit');
  expect(await cache.delete('Query.product', { id: 1 })).toBe(1);
});

it.each([
  ['Query:product', {}, {}, 'a field is a name without ":"'],
  [
    'Query.product',
    { id: new URL('http://localhost') },
    {},
    'must be JSON, bigint, Date, bytes or instances with a codec',
  ],
  ['Query.product', {}, null, 'the third argument of delete must be an object'],
  ['Query.product', {}, { viewer: undefined }, 'a viewer is a text'],
])('rejects %s with %j and %j', async (field, args, of, message) => {
  const { cache } = await newWorld();
  await expect(cache.delete(field, args, of as unknown as object)).rejects.toThrow(message);
});
