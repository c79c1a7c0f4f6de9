// Values whose properties are stored apart, under attack: races, foreign content, TTLs, and values of every kind.
import { describe, expect, it } from 'vitest';
import { call, Decimal, hashKeyOf, keyOf } from './fields-world.ts';
import { newProcesses } from './processes.ts';
import {
  advanceUntil,
  age,
  newWorld,
  redisClient,
  settled,
  tiers,
  times,
  type FetchCall,
  type World,
} from './world.ts';

const product = { name: 'Kestrel', stock: 12, price: '74.99' };
const sold = { ...product, stock: 11 };

async function filled(world: World, options: FetchCall = call): Promise<void> {
  world.source.gives(product);
  await world.fetch(options);
}

/** Begins a load that has read the old value, and ends it after the property was replaced, or the value removed. */
async function replacedDuring(world: World, options: FetchCall): Promise<void> {
  const held = world.source.hold();
  const loading = world.fetch(options);
  await held.begun;
  await world.cache.replaceField(keyOf(world), 'stock', 11);
  world.source.gives(sold);
  held.give(product);
  expect(await loading).toEqual(product);
  await settled(world);
}

describe.each(tiers)('on the %s store', (tier) => {
  it('a refresh that began before the replacement is not stored', async () => {
    const world = await newWorld(tier);
    await filled(world);
    await replacedDuring(world, { ...call, mode: 'refresh' });
    expect(await world.outcome(call)).toMatchObject({ state: 'hit', value: sold });
  });

  it('nor is a load without a lease, in the pause after a failure', async () => {
    const world = await newWorld(tier);
    world.source.fails(new Error('down'));
    await expect(world.fetch(call)).rejects.toThrow('down');
    await settled(world);
    await replacedDuring(world, call);
    expect((await world.outcome(call)).value).toEqual(sold);
  });

  it('nor is an early refresh in the background; the next one keeps the new property', async () => {
    const world = await newWorld(tier, { random: () => 0 }); // every hit is due
    const early: FetchCall = { ...call, early: true };
    await filled(world, early);
    const held = world.source.hold();
    await world.fetch(early);
    await held.begun;
    expect(await world.cache.replaceField(keyOf(world), 'stock', 11)).toBe(true);
    held.give(product);
    await settled(world);
    world.source.gives({ ...sold, name: 'Osprey' });
    expect((await world.outcome(early)).value).toEqual(sold);
    await settled(world);
    expect((await world.outcome({ ...early, only: ['name'] })).value).toEqual({ name: 'Osprey' });
  });

  it('a property of an expired value is replaced, and returned while the source is down', async () => {
    const world = await newWorld(tier);
    const guarded: FetchCall = { ...call, staleIfError: '60s' };
    await filled(world, guarded);
    await age(world, 60_001);
    expect(await world.cache.replaceField(keyOf(world), 'stock', 11)).toBe(true);
    world.source.fails(new Error('down'));
    for (const only of [['stock'], undefined])
      expect(await world.outcome({ ...guarded, only })).toMatchObject({ isFallback: true, value: { stock: 11 } });
  });

  it.each<[string, FetchCall, unknown, number]>([
    ['a function of the value', { ttl: (value: unknown) => (value === null ? null : '10s') }, product, 10_000],
    ['jitter', { jitter: 0.5 }, product, 30_000],
    ['nullTtl', { nullTtl: '5s' }, null, 5_000],
  ])('the TTL of %s holds, and a replacement does not change it', async (_, options, value, ttlMs) => {
    const world = await newWorld(tier);
    const own = { ...call, ...options };
    world.source.gives(value);
    await world.fetch(own);
    await world.cache.replaceField(keyOf(world), 'stock', 11);
    const { state, ttlMs: leftMs } = await world.outcome({ ...own, only: ['stock'] });
    expect(state).toBe(value === null ? 'miss' : 'hit');
    expect(leftMs).toBeLessThanOrEqual(ttlMs);
    await age(world, ttlMs);
    expect((await world.outcome({ ...own, only: ['stock'] })).state).toBe('miss');
  });

  const hidden = Object.defineProperty({ ...product }, 'hidden', { value: 1 });
  const computed = Object.defineProperty({ ...product }, 'total', { get: () => 1, enumerable: true });
  it.each<[string, object, string]>([
    ['a symbol key', { ...product, [Symbol('a')]: 1 }, 'object with symbol keys'],
    ['a hidden property', hidden, 'object with hidden properties'],
    ['a getter', computed, 'object with accessors'],
    ['a function', { ...product, total: () => 1 }, 'function at total'],
    [
      'an instance of a class',
      { ...product, total: new Decimal() },
      'instance of Decimal at total, which needs a codec (codecs of createCache)',
    ],
    ['a proxy', { ...product, total: new Proxy({}, {}) }, 'Proxy at total'],
  ])('an object with %s is returned, and not stored', async (_, value, notStored) => {
    const { outcome, source } = await newWorld(tier);
    source.gives(value);
    for (const only of [['stock'], undefined]) {
      const answer = await outcome({ ...call, only });
      expect(answer).toMatchObject({ state: 'miss', notStored });
      expect(answer.value).toEqual(only === undefined ? value : { stock: 12 });
    }
  });

  it.each<[string, unknown]>([
    ['an instance of a class', new Decimal()],
    ['a proxy', new Proxy(product, {})],
    ['a Map', new Map([['stock', 12]])],
    ['a list', [product]],
    ['a text', 'stock'],
  ])('%s is returned whole, whatever `only` names', async (_, value) => {
    const { fetch, source } = await newWorld(tier);
    source.gives(value);
    expect(await fetch({ ...call, only: ['stock'] })).toBe(value);
    expect(await fetch({ ...call, only: ['stock'] })).toStrictEqual(value);
  });

  it('a caller that changes what it received does not change what the next one receives', async () => {
    const { fetch, source } = await newWorld(tier);
    source.gives({ ...product, tags: ['a'] });
    await fetch(call);
    for (const only of [undefined, ['tags', 'stock']]) {
      const received = (await fetch({ ...call, only })) as { tags: string[]; stock: number };
      received.tags.push('b');
      received.stock = 0;
      expect(await fetch({ ...call, only: ['tags', 'stock'] })).toEqual({ tags: ['a'], stock: 12 });
    }
  });

  it('rejects a key whose text is not a text', async () => {
    const { cache } = await newWorld(tier);
    const key = { ...cache.key({ field: 'Query.field' }), text: 1 as never };
    await expect(cache.replaceField(key, 'stock', 1)).rejects.toMatchObject({ code: 'INVALID_KEY' });
  });

  it('finds the value of a schema by its field, with the defaults of its arguments', async () => {
    const { cache, fetch, source } = await newWorld(tier);
    cache.registerSchema('d1', new Map([['Query.field', { locale: 'en' }]]));
    source.gives(product);
    const of = { schemaDigest: 'd1', args: { id: 1, locale: 'en' }, viewer: 7 };
    await fetch({ ...call, ...of });
    expect(await cache.replaceField({ field: 'Query.field', args: { id: 1 }, viewer: 7 }, 'stock', 11)).toBe(true);
    expect(await fetch({ ...call, ...of })).toEqual(sold);
  });
});

describe('in Redis', () => {
  it.each(['list', 'hash', 'set', 'text', 'empty text', 'large text'])(
    'a foreign %s at the key, the hash or the lease fails no request, and is repaired',
    async (kind) => {
      const client = await redisClient();
      const plant = async (key: string): Promise<void> => {
        await client.del(key);
        if (kind === 'list') await client.lpush(key, 'foreign');
        else if (kind === 'hash') await client.hset(key, 'stock', 'foreign', '!id', 'foreign', '!count', 'x');
        else if (kind === 'set') await client.sadd(key, 'foreign');
        else await client.set(key, { text: '{"id":"', 'empty text': '' }[kind] ?? 'x'.repeat(2_000_000));
      };
      for (const place of ['key', 'hash', 'lease'] as const) {
        const world = await newWorld('redis');
        const { text } = keyOf(world);
        const key = { key: text, hash: hashKeyOf(world), lease: `{${text}}:lease` }[place];
        await filled(world);
        await plant(key);
        const only = ['stock'];
        expect((await world.outcome({ ...call, only })).value).toEqual({ stock: 12 });
        expect(await world.outcome({ ...call, only })).toMatchObject({ state: 'hit', value: { stock: 12 } });
        await plant(key);
        expect(await world.cache.replaceField(keyOf(world), 'stock', 11)).toBe(place === 'lease');
        world.source.gives(sold);
        expect((await world.outcome(call)).value).toEqual(sold);
        expect(await world.outcome(call)).toMatchObject({ state: 'hit', value: sold });
      }
    },
  );

  it('a refresh in another process that began before the replacement is not stored', async () => {
    const { one, two } = await newProcesses();
    await filled(one);
    const held = two.source.hold();
    const loading = two.fetch({ ...call, mode: 'refresh' });
    await held.begun;
    expect(await one.cache.replaceField(keyOf(one), 'stock', 11)).toBe(true);
    held.give(product);
    await loading;
    expect(await one.outcome(call)).toMatchObject({ state: 'hit', value: sold });
  });

  it('a load under a lease that another process holds is not stored after a removal either', async () => {
    const { one, two } = await newProcesses();
    await filled(one, { ...call, fields: false }); // one text: the property cannot be replaced
    await one.cache.invalidate(['products']);
    const held = two.source.hold();
    const loading = two.fetch(call);
    await held.begun;
    expect(await one.cache.replaceField(keyOf(one), 'stock', 11)).toBe(false);
    held.give(product);
    await loading;
    one.source.gives(sold);
    expect((await one.outcome(call)).value).toEqual(sold);
  });
});

describe('in memory', () => {
  const coherent = async ({ cache, clock }: World): Promise<void> =>
    advanceUntil(clock, 10, () => cache.memory?.isCoherent === true);

  it('names that no value has do not pile up', async () => {
    const world = await newWorld('redis', { memoryBytesMax: 1_000_000 });
    await coherent(world);
    await filled(world);
    const names = times(2_100, (index) => `none${index}`);
    for (let start = 0; start < names.length; start += 300)
      await world.fetch({ ...call, only: ['stock', ...names.slice(start, start + 300)] });
    // The value was read whole instead.
    expect(await world.outcome(call)).toMatchObject({ tier: 'memory', value: product });
    expect(world.source.loads).toBe(1);
  });

  it('the names of the properties count toward its size', async () => {
    const world = await newWorld('redis', { memoryBytesMax: 1_000_000 });
    await coherent(world);
    await filled(world);
    const bytesWith = async (only: string[]): Promise<number> => {
      await world.fetch({ ...call, only });
      return world.cache.memory?.bytes ?? 0;
    };
    const few = await bytesWith(['stock']);
    expect(await bytesWith(times(1_000, (index) => `none${index}`))).toBeGreaterThan(few + 16_000);
  });
});
