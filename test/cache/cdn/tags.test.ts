// The tags of responses for CDNs, and what is purged when something is invalidated.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCdn, type Cdn, type CdnOptions, type TaggedValue } from '../../../src/cache/index.ts';
import { TagNames } from '../../../src/cache/cdn/tag-names.ts';
import { tagsOnValue } from '../../../src/cache/tags/tags.ts';
import { newWorld, times } from '../world.ts';

const secret = 'a secret of 16 characters or more';

async function newCdn(options: CdnOptions = {}): Promise<Cdn> {
  const { cache } = await newWorld('memory', { namespace: 'shop' });
  return createCdn(cache, options);
}

/** A value whose policy names these tags. */
function valueWith(tags: readonly string[], { key = 'shop:1:Query.field()', field = 'Query.field' } = {}): TaggedValue {
  return { key, field, stamps: Object.fromEntries(tagsOnValue(tags).map((tag) => [tag, 'token'])) };
}

/** Whether a CDN that is told to purge what `invalidated` requires purges the response with these values. */
function isPurged(cdn: Cdn, values: readonly TaggedValue[], invalidated: readonly string[] | 'everything'): boolean {
  const list = cdn.tagsOf(values)?.list ?? [];
  return cdn.purgeTagsOf(invalidated).some((tag) => list.includes(tag));
}

describe('the tags of a response', () => {
  it('are those of its values, of the values themselves, and one for everything', async () => {
    const cdn = await newCdn();
    const tags = cdn.tagsOf([valueWith(['products:42', 'home']), valueWith([], { key: 'k', field: 'Query.other' })]);
    const [one, other] = [expect.stringMatching(/^shop![0-9a-f]{20}$/), expect.stringMatching(/^shop![0-9a-f]{20}$/)];
    expect(tags?.list).toEqual(['shop', 'shop.products.42', 'shop.home', 'shop.products.!', one, other]);
    expect(tags?.cacheTag).toBe(tags?.list.join(','));
    expect(tags?.surrogateKey).toBe(tags?.list.join(' '));
  });

  it.each<[string, readonly string[], readonly string[] | 'everything', boolean]>([
    ['a row is purged with it', ['products:42'], ['products:42'], true],
    ['a row is purged with its table', ['products:42'], ['products'], true],
    ['a row is not purged with another row', ['products:42'], ['products:43'], false],
    ['a table is purged with a row', ['products'], ['products:42'], true],
    ['a table is purged with itself', ['products'], ['products'], true],
    ['a table is not purged with another one', ['products'], ['reviews', 'reviews:42'], false],
    ['everything purges a value without tags', [], 'everything', true],
    ['nothing else does', [], ['products'], false],
  ])('%s', async (_title, tags, invalidated, expected) => {
    for (const options of [{}, { secret }]) {
      expect(isPurged(await newCdn(options), [valueWith(tags)], invalidated)).toBe(expected);
    }
  });

  it('reveal nothing with a secret, and are the same in every process that has it', async () => {
    const [one, same, other] = await Promise.all([
      newCdn({ secret }),
      newCdn({ secret }),
      newCdn({ secret: `${secret}!` }),
    ]);
    const values = [valueWith(['products:42', 'home'])];
    expect(one.tagsOf(values)?.list.every((tag) => /^[0-9a-f]{20}$/.test(tag))).toBe(true);
    expect(one.tagsOf(values)).toEqual(same.tagsOf(values));
    const otherTags = other.tagsOf(values)?.list;
    expect(one.tagsOf(values)?.list.filter((tag) => otherTags?.includes(tag))).toEqual([]);
  });

  it('differ for different tags, and contain nothing that a CDN rejects or that separates tags', () => {
    const names = new TagNames({ namespace: 'shop', secret: undefined });
    const special = fc.constantFrom(':', '.', '!', '~', '%', '%3A', ' ', ',', '*', 'é', '😀', '\n', '@', '-', '_', 'a');
    const text = fc.oneof(
      fc.array(special, { minLength: 1, maxLength: 8 }).map((parts) => parts.join('')),
      fc.string({ minLength: 1, maxLength: 200, unit: 'grapheme' }),
    );
    fc.assert(
      fc.property(text, text, (one, other) => {
        const [name, otherName] = [names.ofTag(one), names.ofTag(other)];
        expect(name === otherName).toBe(one === other);
        expect(name).toMatch(/^shop[A-Za-z0-9_.!~%-]{0,124}$/);
        expect([names.everything, names.ofValue(one), names.ofField(one)]).not.toContain(otherName);
      }),
      { numRuns: 2_000 },
    );
  });

  it('of a field are its name, so that a person recognises them', () => {
    expect(new TagNames({ namespace: 'shop', secret: undefined }).ofField('Query.product')).toBe('shop!Query.product');
  });
});

describe('a response with many tags', () => {
  /** The products of a list that has them as rows, each with a cached child. */
  const rowsAndChildren = (count: number): TaggedValue[] => [
    valueWith(times(count, (id) => `products:${id}`)),
    ...times(count, (id) => valueWith(['ratings'], { key: `key ${id}`, field: 'Product.rating' })),
  ];

  it('is tagged with fields instead of values', async () => {
    const list = (await newCdn({ tagsMax: 50 })).tagsOf(rowsAndChildren(30))?.list;
    expect(list).toHaveLength(1 + 30 + 2 + 2);
    expect(list).toEqual(expect.arrayContaining(['shop.products.7', 'shop!Query.field', 'shop!Product.rating']));
  });

  it('then with tables instead of rows, and is purged whenever one of them is', async () => {
    const cdn = await newCdn({ tagsMax: 50 });
    const values = rowsAndChildren(60);
    expect(cdn.tagsOf(values)?.list).toEqual([
      ...['shop', 'shop.products', 'shop.ratings', 'shop!Query.field', 'shop!Product.rating'],
    ]);
    for (const invalidated of [['products:7'], ['products'], ['ratings'], ['ratings:1'], 'everything' as const]) {
      expect(isPurged(cdn, values, invalidated)).toBe(true);
    }
    expect(isPurged(cdn, values, ['reviews'])).toBe(false);
  });

  it('has none if there are too many even so', async () => {
    expect((await newCdn({ tagsMax: 50 })).tagsOf([valueWith(times(50, (n) => `tag-${n}`))])).toBeUndefined();
  });

  it('never has more or longer ones than the limits say', async () => {
    const tag = fc.oneof(
      fc.nat(40).map((id) => `products:${id}`),
      fc.nat(40).map((id) => `table-${id}`),
    );
    const values = fc.array(fc.tuple(fc.array(tag, { maxLength: 30 }), fc.nat(20)), { minLength: 1, maxLength: 30 });
    const limits = fc.record({
      tagsMax: fc.integer({ min: 3, max: 60 }),
      charsMax: fc.integer({ min: 100, max: 2_000 }),
    });
    const { cache } = await newWorld('memory', { namespace: 'shop' });
    fc.assert(
      fc.property(values, limits, tag, (given, { tagsMax, charsMax }, invalidated) => {
        const cdn = createCdn(cache, { tagsMax, charsMax });
        const tagged = given.map(([tags, n]) => valueWith(tags, { key: `key ${n}`, field: `Query.field${n % 3}` }));
        const tags = cdn.tagsOf(tagged);
        if (tags === undefined) return;
        expect(tags.list.length).toBeLessThanOrEqual(tagsMax);
        expect(tags.cacheTag.length).toBeLessThanOrEqual(charsMax);
        expect(new Set(tags.list).size).toBe(tags.list.length);
        // However coarse the tags are, whatever invalidates a value purges its response.
        const dropped = new Set([invalidated, invalidated.split(':')[0]]);
        const isAffected = tagged.some(({ stamps }) => [...dropped].some((one) => Object.hasOwn(stamps, String(one))));
        expect(!isAffected || isPurged(cdn, tagged, [invalidated])).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('createCdn rejects', () => {
  it.each<[string, unknown, string]>([
    ['an unknown option', { tag: 1 }, 'unknown option "tag"'],
    [
      'a short secret, without repeating it',
      { secret: 'swordfish' },
      'secret must be a text of at least 16 characters',
    ],
    ['a number as secret, without repeating it', { secret: 1234567890123456n }, 'characters, got "a bigint"'],
    ['few tags', { tagsMax: 2 }, 'tagsMax must be a whole number, at least 3, got 2'],
    ['a short header', { charsMax: 99 }, 'charsMax must be a whole number, at least 100, got 99'],
    ['a fraction of a tag', { tagsPerCallMax: 0.5 }, 'tagsPerCallMax must be a whole number, at least 1, got 0.5'],
    [
      'a listener that is no function',
      { onInvalidate: 'purge' },
      'onInvalidate must be a function of tags, got "purge"',
    ],
    ['a time in the past', { repeatAfterMs: -1 }, 'repeatAfterMs must be a number of milliseconds from 0 to 3600000'],
    ['a text', 'options', 'the options must be an object'],
  ])('%s', async (_title, options, message) => {
    const create = newCdn(options as CdnOptions);
    await expect(create).rejects.toMatchObject({ code: 'INVALID_OPTIONS' });
    await expect(create).rejects.toThrow(message);
    await expect(create).rejects.not.toThrow(/swordfish|1234567890123456/);
  });

  it('what is no cache', () => {
    expect(() => createCdn({} as never)).toThrow(
      'createCdn: expected a cache, which createCache() returns, got an object',
    );
  });

  it('tags that are not valid', async () => {
    const cdn = await newCdn();
    expect(() => cdn.purgeTagsOf(['*'])).toThrow(expect.objectContaining({ code: 'INVALID_TAG' }));
  });
});
