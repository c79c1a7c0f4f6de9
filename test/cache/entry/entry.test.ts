import { describe, expect, it } from 'vitest';
import { createKey } from '../../../src/cache/entry/key.ts';
import { encodeEntry, entryIdOf } from '../../../src/cache/entry/entry.ts';
import { newHeapGauge } from '../../support/heap.ts';
import { newWorld, redisClient, times } from '../world.ts';

const rows = [{ id: 1, name: 'Rose', price: '12.50' }];

describe('an entry in Redis', () => {
  it('shows a person its field, its arguments and its rows', async () => {
    const { fetch, source, cache } = await newWorld('redis');
    const client = await redisClient();
    source.gives(rows);
    await fetch({ field: 'Query.searchProducts', args: { q: 'ro', limit: 50 }, tags: ['products'] });

    const { text } = cache.key({ field: 'Query.searchProducts', args: { q: 'ro', limit: 50 } });
    const stored: unknown = JSON.parse((await client.get(text)) ?? '');
    expect(stored).toStrictEqual({
      id: expect.stringMatching(/^[\w-]{16}$/) as string,
      key: text,
      field: 'Query.searchProducts',
      args: { q: 'ro', limit: 50 },
      freshMs: 60_000,
      loadMs: 0,
      stamps: { '*': expect.any(String), products: expect.any(String) },
      value: rows,
    });
  });

  it('shows the parent of a field that stands on one', async () => {
    const { cache } = await newWorld('redis');
    const client = await redisClient();
    const key = cache.key({ field: 'Product.reviews', parent: 42n, args: {} });
    await cache.fetch(key, { ttlMs: 60_000, tags: [] }, () => rows);
    expect(JSON.parse((await client.get(key.text)) ?? '')).toMatchObject({ field: 'Product.reviews', parent: '42' });
  });

  it.each<[string, (good: string) => string]>([
    ['the empty text', () => ''],
    ['no JSON', () => 'hello'],
    ['a truncated one', (good) => good.slice(0, -5)],
    ['null', () => 'null'],
    ['a list', () => '[1]'],
    ['JSON of somebody else', () => '{"value":1}'],
    ['one of another key', (good) => good.replace('Query:field', 'Query:other')],
    ['one that does not say its key', (good) => good.replace('"key":', '"keys":')],
    ['one without its value', (good) => good.replace('"value":', '"values":')],
    ['one without its stamps', (good) => good.replace('"stamps":', '"stamp":')],
    ['one whose stamps are null', (good) => good.replace(/"stamps":\{[^}]*\}/, '"stamps":null')],
    ['one whose times are texts', (good) => good.replace('"freshMs":60000', '"freshMs":"60000"')],
    ['one with a type that nobody writes', (good) => good.replace('"value":"', '"value":{"$":"Money"},"was":"')],
    ['one with a broken bigint', (good) => good.replace(/"value":"[^"]*"/, '"value":{"$":"bigint","value":"x"}')],
    [
      'one nested too deep to be walked',
      (good) => good.replace('"value":', `"value":${'['.repeat(1e5)}{"$":1}${']'.repeat(1e5)},"v":`),
    ],
  ])('is a miss and healed where somebody has put %s in its place', async (_, spoil) => {
    const { fetch, cache, trace, source } = await newWorld('redis');
    const client = await redisClient();
    const { text: key } = cache.key({ field: 'Query.field' });
    await fetch();
    const good = (await client.get(key)) ?? '';
    expect(spoil(good)).not.toBe(good);
    await client.set(key, spoil(good), 'PX', 60_000);
    trace.take();

    source.gives('healed');
    expect(await fetch()).toBe('healed');
    expect(await fetch()).toBe('healed');
    expect(trace.text).toBe('entry-rejected(corrupt) load write miss hit');
  });

  it('is a miss and healed where it is copied to another key of its field', async () => {
    const { fetch, cache, trace, source } = await newWorld('redis');
    const client = await redisClient();
    const keyOf = (id: number): string => cache.key({ field: 'Query.field', args: { id } }).text;
    source.gives('of 1');
    await fetch({ args: { id: 1 } });
    await client.copy(keyOf(1), keyOf(2));
    trace.take();
    source.gives('of 2');
    expect(await fetch({ args: { id: 2 } })).toBe('of 2');
    expect(await fetch({ args: { id: 2 } })).toBe('of 2');
    expect(trace.text).toBe('entry-rejected(corrupt) load write miss hit');
  });

  it('is a miss and healed where somebody has lengthened its life', async () => {
    const { fetch, cache, trace, source } = await newWorld('redis');
    const client = await redisClient();
    await fetch();
    await client.pexpire(cache.key({ field: 'Query.field' }).text, 3_600_000);
    trace.take();
    source.gives('new');
    expect(await fetch()).toBe('new');
    expect(await fetch()).toBe('new');
    expect(trace.text).toBe('entry-rejected(corrupt) load write miss hit');
  });

  it('is not taken where its stamps are of somebody else’s making', async () => {
    const { fetch, cache, trace } = await newWorld('redis');
    const client = await redisClient();
    await fetch();
    const { text: key } = cache.key({ field: 'Query.field' });
    const made = {
      id: 'i'.repeat(16),
      key,
      field: 'Query.field',
      args: {},
      freshMs: 60_000,
      loadMs: 1,
      stamps: {},
      value: 1,
    };
    await client.set(key, JSON.stringify(made), 'PX', 60_000);
    trace.take();
    expect(await fetch()).toBe('value');
    expect(trace.text).toBe('entry-rejected(invalidated) load write miss');
  });

  it('pollutes nothing, whatever names somebody has put into it', async () => {
    const { fetch, cache } = await newWorld('redis');
    const client = await redisClient();
    const { text: key } = cache.key({ field: 'Query.field' });
    await fetch();
    const good = (await client.get(key)) ?? '';
    const bad = '{"__proto__":{"isAdmin":true},"$x":{"constructor":{"prototype":{"isAdmin":true}}}}';
    await client.set(key, good.replace('"value":"value"', `"__proto__":{"isAdmin":true},"value":${bad}`), 'PX', 60_000);
    const value = (await fetch()) as object;
    expect(Object.hasOwn(value, '__proto__')).toBe(true);
    expect('isAdmin' in {} || 'isAdmin' in value).toBe(false);
  });
});

it('the head of an entry does not keep the rest of its text', () => {
  const used = newHeapGauge();
  const key = createKey('shop', { field: 'Query.field' });
  const before = used();
  const heads = times(200, (index) => {
    const value = 'x'.repeat(100_000) + String(index);
    return entryIdOf(encodeEntry(key, { value, freshMs: 1, loadMs: 1, stamps: {} }));
  });
  expect(used() - before).toBeLessThan(5_000_000); // of more than 20 million
  expect(new Set(heads).size).toBe(200);
});
