import { describe, expect, it } from 'vitest';
import { noCodecs } from '../../../src/cache/entry/class-codecs.ts';
import { createKey } from '../../../src/cache/entry/key.ts';
import { encodeEntry, entryIdOf } from '../../../src/cache/entry/entry.ts';
import { newHeapGauge } from '../../support/heap.ts';
import { newWorld, redisClient, times } from '../world.ts';

const rows = [{ id: 1, name: 'Rose', price: '12.50' }];

describe('an entry in Redis', () => {
  it('is readable: field, arguments, stamps and value', async () => {
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

  it('contains the parent id of a field that has one', async () => {
    const { cache } = await newWorld('redis');
    const client = await redisClient();
    const key = cache.key({ field: 'Product.reviews', parent: 42n, args: {} });
    await cache.fetch(key, { ttlMs: 60_000, tags: [] }, () => rows);
    expect(JSON.parse((await client.get(key.text)) ?? '')).toMatchObject({ field: 'Product.reviews', parent: '42' });
  });

  it.each<[string, (good: string) => string]>([
    ['the empty text', () => ''],
    ['text that is not JSON', () => 'hello'],
    ['a truncated entry', (good) => good.slice(0, -5)],
    ['null', () => 'null'],
    ['a list', () => '[1]'],
    ['JSON that is not an entry', () => '{"value":1}'],
    ['the entry of another key', (good) => good.replace('Query:field', 'Query:other')],
    ['an entry without its key', (good) => good.replace('"key":', '"keys":')],
    ['an entry without its value', (good) => good.replace('"value":', '"values":')],
    ['an entry without its stamps', (good) => good.replace('"stamps":', '"stamp":')],
    ['an entry whose stamps are null', (good) => good.replace(/"stamps":\{[^}]*\}/, '"stamps":null')],
    ['an entry whose times are texts', (good) => good.replace('"freshMs":60000', '"freshMs":"60000"')],
    ['an entry with an unknown type', (good) => good.replace('"value":"', '"value":{"$":"Money"},"was":"')],
    ['an entry with a bad bigint', (good) => good.replace(/"value":"[^"]*"/, '"value":{"$":"bigint","value":"x"}')],
    [
      'an entry that is nested too deep',
      (good) => good.replace('"value":', `"value":${'['.repeat(1e5)}{"$":1}${']'.repeat(1e5)},"v":`),
    ],
  ])('is a miss, and is replaced, if another client has overwritten it with %s', async (_, damage) => {
    const { fetch, cache, trace, source } = await newWorld('redis');
    const client = await redisClient();
    const { text: key } = cache.key({ field: 'Query.field' });
    await fetch();
    const good = (await client.get(key)) ?? '';
    expect(damage(good)).not.toBe(good);
    await client.set(key, damage(good), 'PX', 60_000);
    trace.take();

    source.gives('healed');
    expect(await fetch()).toBe('healed');
    expect(await fetch()).toBe('healed');
    expect(trace.text).toBe('entry-rejected(corrupt) load write miss hit');
  });

  it('is a miss, and is replaced, if another client has copied it to another key of its field', async () => {
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

  it('is a miss, and is replaced, if another client has extended its TTL', async () => {
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

  it('is rejected if it lacks the required stamps', async () => {
    const { fetch, cache, trace } = await newWorld('redis');
    const client = await redisClient();
    await fetch();
    const { text: key } = cache.key({ field: 'Query.field' });
    const forged = {
      id: 'i'.repeat(16),
      key,
      field: 'Query.field',
      args: {},
      freshMs: 60_000,
      loadMs: 1,
      stamps: {},
      value: 1,
    };
    await client.set(key, JSON.stringify(forged), 'PX', 60_000);
    trace.take();
    expect(await fetch()).toBe('value');
    expect(trace.text).toBe('entry-rejected(invalidated) load write miss');
  });

  it('changes no prototype, whatever property names another client has written', async () => {
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

it('the id of an entry does not keep the rest of the text in memory', () => {
  const heapUsed = newHeapGauge();
  const key = createKey('shop', { field: 'Query.field' });
  const before = heapUsed();
  const ids = times(200, (index) => {
    const value = 'x'.repeat(100_000) + String(index);
    return entryIdOf(encodeEntry(key, { value, freshMs: 1, staleMs: 0, loadMs: 1, stamps: {} }, noCodecs));
  });
  expect(heapUsed() - before).toBeLessThan(5_000_000); // of more than 20 million
  expect(new Set(ids).size).toBe(200);
});
