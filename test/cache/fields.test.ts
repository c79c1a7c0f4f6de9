// Values whose properties are stored apart: `fields` in the policy, `only` in the fetch.
import { describe, expect, expectTypeOf, it } from 'vitest';
import { createPolicy } from '../../src/cache/index.ts';
import { call, Decimal, hashKeyOf } from './fields-world.ts';
import { newProcesses } from './processes.ts';
import { FaultyStore, newFaultyWorld } from './store/faulty-store.ts';
import {
  advanceUntil,
  age,
  keysOf,
  newWorld,
  redisClient,
  redisStore,
  settled,
  tiers,
  times,
  type FetchCall,
  type World,
} from './world.ts';

const product = { name: 'Kestrel', stock: 12, price: '74.99', tags: ['a', 'b'] };

async function coherent({ cache, clock }: World): Promise<void> {
  await advanceUntil(clock, 10, () => cache.memory?.isCoherent === true);
}

/** A value with everything that text cannot express directly. */
const anything: Record<string, unknown> = Object.fromEntries([
  ['2', 'numbers come first'],
  ['1', 'in their order'],
  ['b', undefined],
  ['a', new Date(0)],
  ['', -0],
  ['!', Number.NaN],
  ['!id', 10n],
  ['__proto__', { polluted: true }],
  ['constructor', null],
  ['$', { $: 'fields', value: ['a'] }],
  ['value', ['a']],
  ['nested', { list: [new Map([['k', new Set([1])]]), Buffer.from('é')], nothing: undefined }],
  ['surrogates', '\ud800'],
]);

describe.each(tiers)('on the %s store', (tier) => {
  it('a value is whole without `only`, and equal to the loaded one in content and order', async () => {
    const { fetch, source, outcome } = await newWorld(tier);
    source.gives(anything);
    expect(await fetch(call)).toBe(anything);
    const hit = await outcome(call);
    expect(hit.state).toBe('hit');
    expect(hit.value).toStrictEqual(anything);
    expect(Reflect.ownKeys(hit.value as object)).toEqual(Reflect.ownKeys(anything));
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it.each(Object.keys(anything))('a hit and a miss return the same property %j alone', async (name) => {
    const { outcome, source } = await newWorld(tier);
    source.gives(anything);
    const only = [name, 'none'];
    const [miss, hit] = [await outcome({ ...call, only }), await outcome({ ...call, only })];
    expect([miss.state, hit.state]).toEqual(['miss', 'hit']);
    expect(miss.value).toStrictEqual(Object.fromEntries([[name, anything[name]]]));
    expect(hit.value).toStrictEqual(miss.value);
  });

  it('returns properties in the order of the request, and other ones to the next request', async () => {
    const { fetch, source } = await newWorld(tier);
    source.gives(product);
    await fetch(call);
    const some = await fetch({ ...call, only: ['stock', 'name', 'stock'] });
    expect(JSON.stringify(some)).toBe('{"stock":12,"name":"Kestrel"}');
    expect(await fetch({ ...call, only: ['price'] })).toEqual({ price: '74.99' });
    expect(await fetch({ ...call, only: [] })).toEqual({});
    expect(await fetch(call)).toEqual(product);
    expect(source.loads).toBe(1);
  });

  const circular: Record<string, unknown> = { name: 'Kestrel' };
  circular['self'] = circular;
  const date = new Date(0);
  it.each([
    ['null', null, null],
    ['a list', [product], [product]],
    ['an empty object', {}, {}],
    ['an object without a prototype', Object.assign(Object.create(null), product), { stock: 12 }],
    ['an object that refers to itself', circular, {}],
    ['an object twice in it', { a: date, b: date, stock: date }, { stock: date }],
    ['more than 2,000 properties', { ...product, ...Object.fromEntries(times(2_000, (n) => [n, n])) }, { stock: 12 }],
    ['names with lone surrogates', { stock: 12, '\ud800': 1, '\ud801': 2 }, { stock: 12 }],
  ])('%s is stored as usual', async (_, value, some) => {
    const world = await newWorld(tier);
    const { fetch, source, outcome } = world;
    source.gives(value);
    expect(await fetch({ ...call, only: ['stock'] })).toEqual(some);
    const hit = await outcome({ ...call, only: ['stock'] });
    expect(hit).toMatchObject({ state: 'hit', value: some });
    expect(await fetch(call)).toStrictEqual(value);
    expect(await (await redisClient()).exists(hashKeyOf(world))).toBe(0);
  });

  it('a value without a stored form is returned to its own request, and says why it is not stored', async () => {
    const { outcome, source } = await newWorld(tier);
    source.gives({ name: 'Kestrel', price: { amount: new Decimal() } });
    const missed = {
      state: 'miss',
      notStored: 'instance of Decimal at price.amount, which needs a codec (codecs of createCache)',
      value: { name: 'Kestrel' },
    };
    expect(await outcome({ ...call, only: ['name'] })).toMatchObject(missed);
  });

  it('its properties count toward the longest value together', async () => {
    const { outcome, source, trace } = await newWorld(tier);
    source.gives({ a: 'x'.repeat(2_000_000), b: 'x'.repeat(2_000_000) });
    await outcome(call);
    expect(trace.text).toContain('write-refused(too-large)');
    source.gives({ a: 'x'.repeat(1_000_000), b: 'x'.repeat(1_000_000) });
    await outcome(call);
    expect(trace.events.find(({ type }) => type === 'write')).toMatchObject({
      textBytes: expect.closeTo(2_000_300, -3),
    });
  });

  it('requests that share a load receive what each of them needs', async () => {
    const { source, fetch } = await newWorld(tier);
    const held = source.hold();
    const first = fetch({ ...call, only: ['name'] });
    await held.begun;
    const others = [fetch({ ...call, only: ['stock'] }), fetch(call), fetch({ ...call, only: ['name', 'price'] })];
    held.give(product);
    expect(await first).toEqual({ name: 'Kestrel' });
    expect(await Promise.all(others)).toEqual([{ stock: 12 }, product, { name: 'Kestrel', price: '74.99' }]);
    expect(source.loads).toBe(1);
  });

  it('a fetch without `fields` reads the whole value, and stores it as one text', async () => {
    const { source, outcome, cache } = await newWorld(tier);
    source.gives(product);
    await outcome(call);
    const plain = { ...call, fields: false };
    expect(await outcome(plain)).toMatchObject({ state: 'hit', value: product });
    expect(await outcome({ ...plain, only: ['stock'] })).toMatchObject({ state: 'hit', value: { stock: 12 } });
    await cache.invalidate(['products']);
    await outcome(plain);
    expect(await outcome({ ...call, only: ['stock'] })).toMatchObject({ state: 'hit', value: { stock: 12 } });
    expect(await outcome(call)).toMatchObject({ state: 'hit', value: product });
  });

  it('an invalidation, an expiry and a deletion apply to every property', async () => {
    const world = await newWorld(tier);
    const { source, outcome, cache } = world;
    const states: string[] = [];
    for (const end of [
      () => cache.invalidate(['products']),
      () => age(world, 60_000),
      () => cache.delete('Query.field'),
      () => cache.flush(),
    ]) {
      source.gives({ stock: states.length });
      await outcome(call);
      await end();
      const { state, value } = await outcome({ ...call, only: ['stock'] });
      expect(value).toEqual({ stock: states.length });
      states.push(state);
      await cache.flush();
    }
    expect(states).toEqual(['miss', 'miss', 'miss', 'miss']);
  });

  it('a stale value is returned by its properties while it is loaded again', async () => {
    const world = await newWorld(tier);
    const { source, outcome, cache } = world;
    const stale: FetchCall = { ...call, stale: '60s', only: ['stock'] };
    source.gives(product);
    await outcome(stale);
    await age(world, 60_001);
    source.gives({ ...product, stock: 11 });
    expect(await outcome(stale)).toMatchObject({ state: 'stale', value: { stock: 12 } });
    await settled(world);
    expect(await outcome(stale)).toMatchObject({ state: 'hit', value: { stock: 11 } });
    expect(await outcome({ ...stale, only: undefined })).toMatchObject({
      state: 'hit',
      value: { ...product, stock: 11 },
    });
    expect((await cache.usage()).keys).toBe(1);
  });

  it('an expired value in place of one whose load fails has what each request needs', async () => {
    const world = await newWorld(tier);
    const { source, fetch } = world;
    const guarded: FetchCall = { ...call, staleIfError: '60s' };
    source.gives(product);
    await fetch(guarded);
    await age(world, 60_001);
    source.fails(new Error('down'));
    expect(await fetch({ ...guarded, only: ['stock'] })).toEqual({ stock: 12 });
    // Now the load has failed, and requests receive the expired value without one.
    const answers = [fetch({ ...guarded, only: ['stock'] }), fetch(guarded), fetch({ ...guarded, only: ['name'] })];
    expect(await Promise.all(answers)).toEqual([{ stock: 12 }, product, { name: 'Kestrel' }]);
    expect(source.loads).toBe(2);
  });

  it('a value of one viewer has its properties to itself', async () => {
    const { fetch, outcome } = await newWorld(tier);
    const of = (viewer: number): FetchCall => ({
      ...call,
      viewer,
      only: ['name'],
      load: () => ({ name: `of ${viewer}` }),
    });
    expect(await Promise.all([fetch(of(1)), fetch(of(2))])).toEqual([{ name: 'of 1' }, { name: 'of 2' }]);
    expect(await outcome(of(2))).toMatchObject({ state: 'hit', value: { name: 'of 2' } });
  });

  it('a load that fetches some properties depends on the whole value', async () => {
    const { source, outcome, fetch, cache } = await newWorld(tier);
    source.gives(product);
    const outer: FetchCall = {
      field: 'Query.outer',
      tags: ['outer'],
      load: () => fetch({ ...call, only: ['stock'] }),
    };
    expect(await outcome(outer)).toMatchObject({ value: { stock: 12 } });
    expect(await outcome(outer)).toMatchObject({ state: 'hit', value: { stock: 12 } });
    source.gives({ ...product, stock: 11 });
    await cache.invalidate(['products']);
    expect(await outcome(outer)).toMatchObject({ state: 'miss', value: { stock: 11 } });
  });
});

describe('in Redis', () => {
  it('reads the entry, the tokens and the properties in one round trip', async () => {
    const { fetch, source, namespace } = await newWorld('redis');
    source.gives(product);
    await fetch(call);
    const faulty = new FaultyStore(await redisStore(namespace));
    const other = await newWorld(faulty);
    for (const only of [undefined, ['stock']]) await other.fetch({ ...call, only });
    expect([faulty.calls, other.source.loads]).toEqual([['readProperties', 'readProperties'], 0]);
  });

  it.each<[string, (world: World) => Promise<unknown>]>([
    ['evicted', async (world) => (await redisClient()).del(hashKeyOf(world))],
    [
      'those of another entry',
      async (world) => (await redisClient()).hset(hashKeyOf(world), '!id', '{"id":"0000000000000000"'),
    ],
    ['incomplete', async (world) => (await redisClient()).hdel(hashKeyOf(world), 'stock')],
    ['not JSON', async (world) => (await redisClient()).hset(hashKeyOf(world), 'stock', '{')],
    ['replaced by a text', async (world) => (await redisClient()).set(hashKeyOf(world), 'foreign')],
    [
      'replaced by a list',
      async (world) => {
        const client = await redisClient();
        await client.del(hashKeyOf(world));
        await client.lpush(hashKeyOf(world), 'foreign');
      },
    ],
  ])('a value whose properties are %s is a miss, and the load replaces them', async (_, damage) => {
    for (const only of [undefined, ['stock']]) {
      const world = await newWorld('redis');
      world.source.gives(product);
      await world.fetch(call);
      await damage(world);
      world.source.gives({ ...product, stock: 11 });
      const expected = only === undefined ? { ...product, stock: 11 } : { stock: 11 };
      expect(await world.outcome({ ...call, only })).toMatchObject({ state: 'miss', value: expected });
      expect(await world.outcome({ ...call, only })).toMatchObject({ state: 'hit', value: expected });
      const client = await redisClient();
      expect(await client.pttl(hashKeyOf(world))).toBeGreaterThan(30_000);
      expect(await client.hget(hashKeyOf(world), 'stock')).toBe('11');
    }
  });

  it('a flush removes the properties, even those whose entry is gone, and leaves other namespaces alone', async () => {
    const one = await newWorld('redis');
    const other = await newWorld('redis', { namespace: `x-${one.namespace}` });
    for (const { source, fetch } of [one, other]) {
      source.gives(product);
      for (const id of [1, 2]) await fetch({ ...call, args: { id } });
    }
    const client = await redisClient();
    await client.del(one.cache.key({ field: 'Query.field', args: { id: 1 } }).text);
    expect(await one.cache.usage()).toMatchObject({ keys: 1 });
    expect(await one.cache.flush()).toBe(1);
    expect(await keysOf(client, `{${one.namespace}:*`)).toEqual([]);
    expect(await keysOf(client, `{${other.namespace}:*`)).toHaveLength(2);
    expect((await other.outcome({ ...call, args: { id: 1 } })).state).toBe('hit');
  });

  it('the value that another process has loaded meanwhile is read whole', async () => {
    const { one, two } = await newProcesses();
    const held = one.source.hold();
    const loading = one.fetch({ ...call, only: ['name'] });
    await held.begun;
    const states: string[] = [];
    const waiting = [['stock'], undefined].map((only) =>
      two.outcome({ ...call, only }).then(({ value, state }) => (states.push(state), value)),
    );
    await advanceUntil(two.clock, 10, () => two.callsPending() === 0);
    held.give(product);
    await loading;
    await advanceUntil(two.clock, 50, () => states.length === 2);
    expect(await Promise.all(waiting)).toEqual([{ stock: 12 }, product]);
    expect([states, two.source.loads]).toEqual([['shared', 'shared'], 0]);
  });
});

describe('in memory', () => {
  it('a value that was read in part is not returned to a fetch that needs more, and is read to serve both', async () => {
    const one = await newWorld('redis', { memoryBytesMax: 1_000_000 });
    await coherent(one);
    one.source.gives(product);
    await one.fetch(call);
    const read = async (only?: readonly string[]): Promise<[string | null, unknown]> => {
      const { tier, value } = await one.outcome({ ...call, only });
      return [tier, value];
    };
    expect(await read(['name'])).toEqual(['redis', { name: 'Kestrel' }]);
    expect(await read(['name'])).toEqual(['memory', { name: 'Kestrel' }]);
    expect(await read(['stock'])).toEqual(['redis', { stock: 12 }]);
    expect(await read(['name'])).toEqual(['memory', { name: 'Kestrel' }]);
    expect(await read(['stock', 'name'])).toEqual(['memory', { name: 'Kestrel', stock: 12 }]);
    const { value } = await one.outcome({ ...call, fields: false });
    expect(value).toEqual(product);
    expect(await read()).toEqual(['memory', product]);
    expect(await read(['price'])).toEqual(['memory', { price: '74.99' }]);
    expect(one.source.loads).toBe(1);
  });

  it('a shared value is frozen, whole or in part', async () => {
    const one = await newWorld('redis', { memoryBytesMax: 1_000_000 });
    await coherent(one);
    one.source.gives(product);
    await one.fetch(call);
    for (const only of [undefined, ['name', 'tags']]) {
      await one.fetch({ ...call, only });
      const { tier, value } = await one.outcome({ ...call, only });
      expect(tier).toBe('memory');
      expect(Object.isFrozen(value)).toBe(true);
      expect(Object.isFrozen((value as typeof product).tags)).toBe(true);
    }
  });
});

it('a store that keeps no properties stores the value as one text', async () => {
  const { faulty, source, outcome } = await newFaultyWorld();
  Object.assign(faulty, { readProperties: undefined });
  source.gives(product);
  await outcome(call);
  expect(await outcome({ ...call, only: ['stock'] })).toMatchObject({ state: 'hit', value: { stock: 12 } });
  expect(faulty.calls).not.toContain('readProperties');
});

it('a store that cannot read properties does not fail a request', async () => {
  const { faulty, source, outcome } = await newFaultyWorld(['readProperties']);
  source.gives(product);
  await outcome(call);
  for (const health of ['failing', 'refusing'] as const) {
    faulty.health = health;
    expect(await outcome({ ...call, only: ['stock'] })).toMatchObject({ value: { stock: 12 } });
  }
});

it.each(['name', [1], {}, null])('rejects %j as `only`', async (only) => {
  const { fetch } = await newWorld();
  await expect(fetch({ ...call, only: only as never })).rejects.toThrow('only must be a list of names');
});

interface Stock {
  stock: number;
  name: string;
}

it('the type of what is fetched has the properties that were asked for', async () => {
  const { cache } = await newWorld();
  const policy = createPolicy('Query.field', { ttl: '60s', fields: true });
  const of = [cache.key({ field: 'Query.field' }), policy, (): Stock => ({ stock: 1, name: 'a' })] as const;
  const none = await cache.fetch(...of, { only: [] });
  expectTypeOf<keyof typeof none>().toBeNever();
  expect(none).toEqual({});
  const name = await cache.fetch(...of, { only: ['name'] });
  expectTypeOf(name).toEqualTypeOf<Pick<Stock, 'name'>>();
  expect(name).toEqual({ name: 'a' });
  const names: string[] = ['name'];
  expectTypeOf(await cache.fetch(...of, { only: names })).toEqualTypeOf<Stock>();
  expectTypeOf(await cache.fetch(...of, { only: undefined })).toEqualTypeOf<Stock>();
  expectTypeOf(await cache.fetch(...of, { mode: 'use' })).toEqualTypeOf<Stock>();
  expectTypeOf(await cache.fetch(...of)).toEqualTypeOf<Stock>();
  expectTypeOf(await cache.fetch(of[0], policy, () => [1], { only: [] })).toEqualTypeOf<number[]>();
});
