// Invalidation by tag, and the flush: an invalidation of the tag that every value has.
import { describe, expect, it } from 'vitest';
import { newWorld, tiers, times } from '../world.ts';

describe.each(tiers)('on the %s store', (tier) => {
  it('invalidates the values that depend on a tag, and no others', async () => {
    const { fetch, cache, source, trace } = await newWorld(tier);
    await fetch({ field: 'Query.a', tags: ['a', 'both'] });
    await fetch({ field: 'Query.b', tags: ['b', 'both'] });
    await cache.invalidate(['a']);
    trace.take();
    source.gives('new');
    expect(await fetch({ field: 'Query.a', tags: ['a', 'both'] })).toBe('new');
    expect(await fetch({ field: 'Query.b', tags: ['b', 'both'] })).toBe('value');
    await cache.invalidate(['none', 'both']);
    expect(await fetch({ field: 'Query.b', tags: ['b', 'both'] })).toBe('new');
    expect(trace.text).toBe(
      'entry-rejected(invalidated) load write miss hit invalidate entry-rejected(invalidated) load write miss',
    );
  });

  it.each(['__proto__', 'constructor', 'toString', '0', 'a b:c*', '!odd', '!=odd', '!'])(
    'invalidates by the tag %j like by any other',
    async (tag) => {
      const { fetch, cache, source } = await newWorld(tier);
      const [one, other] = [{ tags: [tag] }, { field: 'Query.other', tags: [tag] }];
      await fetch(one);
      await fetch(other);
      await cache.invalidate([tag]);
      source.gives('new');
      expect(await fetch(other)).toBe('new');
      expect(await fetch(one)).toBe('new');
      expect(await fetch(one)).toBe('new');
      expect(source.loads).toBe(4);
    },
  );

  it('does not serve a value to a request with a tag that the value was not stored with', async () => {
    const { fetch, source } = await newWorld(tier);
    await fetch({ tags: ['a'] });
    source.gives('new');
    expect(await fetch({ tags: ['a', 'b'] })).toBe('new'); // not stamped with b: misses invalidations of b
  });

  it('rejects invalid tags in `invalidate` and in policies', async () => {
    const { cache, source } = await newWorld(tier);
    const key = cache.key({ field: 'Query.field' });
    await expect(cache.invalidate(['a', '*'])).rejects.toMatchObject({ code: 'INVALID_TAG' });
    for (const tag of ['products:!', '*:1', 'products:\ud800', '\0odd']) {
      await expect(cache.invalidate([tag])).rejects.toMatchObject({ code: 'INVALID_TAG' });
    }
    await expect(cache.fetch(key, { ttlMs: 1_000, tags: [''] }, source.load)).rejects.toMatchObject({
      code: 'INVALID_TAG',
    });
    expect(source.loads).toBe(0);
    await expect(cache.invalidate([])).resolves.toBeUndefined();
  });

  describe('with a tag for each row', () => {
    const [row, otherRow, list] = [['products:42'], ['products:7'], ['products']];
    it.each([
      ['products:42', { row: 'new', otherRow: 'value', list: 'new', other: 'value' }],
      ['products', { row: 'new', otherRow: 'new', list: 'new', other: 'value' }],
      ['products:9', { row: 'value', otherRow: 'value', list: 'new', other: 'value' }],
      ['categories', { row: 'value', otherRow: 'value', list: 'value', other: 'value' }],
    ])('invalidates the values that depend on %s, and no others', async (tag, expected) => {
      const { fetch, cache, source } = await newWorld(tier);
      const values = async (): Promise<unknown> => ({
        row: await fetch({ field: 'Query.row', tags: row }),
        otherRow: await fetch({ field: 'Query.otherRow', tags: otherRow }),
        list: await fetch({ field: 'Query.list', tags: list }),
        other: await fetch({ field: 'Query.other' }),
      });
      await values();
      source.gives('new');
      await cache.invalidate([tag]);
      expect(await values()).toEqual(expected);
    });

    it('accepts any id of a row', async () => {
      const { fetch, cache, source } = await newWorld(tier);
      for (const id of ['', '1:2', '*', '!!', ':', '__proto__']) {
        source.gives('old');
        await fetch({ tags: [`products:${id}`] });
        await cache.invalidate([`products:${id}`]);
        source.gives(`new ${id}`);
        expect(await fetch({ tags: [`products:${id}`] })).toBe(`new ${id}`);
      }
    });
  });

  it('flushes all values of the namespace, and returns their number', async () => {
    const { fetch, cache, source, trace } = await newWorld(tier);
    for (const id of times(7, Number)) await fetch({ args: { id }, tags: ['products'] });
    trace.take();
    expect(await cache.flush()).toBe(7);
    expect(await cache.flush()).toBe(0);
    source.gives('new');
    expect(await fetch({ args: { id: 1 } })).toBe('new');
    expect(trace.text).toBe('flush-began flush flush-began flush load write miss');
  });
});
