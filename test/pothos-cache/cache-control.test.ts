// `Cache-Control` from the policies of fields: reuse, stale use, and what a CDN may do.
import { execute, parse } from 'graphql';
import { describe, expect, it } from 'vitest';
import { createCdn, type CdnOptions } from '../../src/cache/index.ts';
import { httpCachingOf, ResponseCache, type FieldCacheOptions } from '../../src/pothos-cache/index.ts';
import { settled } from '../cache/world.ts';
import { cacheControlOf, newSchema } from './world.ts';

type Policy = Pick<FieldCacheOptions, 'http' | 'cdn' | 'stale' | 'staleIfError' | 'ttl'>;

/** `Cache-Control` of a response with a field for each policy: executed, and from the response cache. */
async function bothOf(policies: readonly Policy[], options?: CdnOptions): Promise<(string | undefined)[]> {
  const { schema, cache } = await newSchema((builder) =>
    policies.forEach((policy, index) =>
      builder.queryField(`f${index}`, (t) =>
        t.int({ cache: { scope: 'public', ttl: '1h', tags: [`t${index}`], ...policy }, resolve: () => 1 }),
      ),
    ),
  );
  const cdn = options && createCdn(cache, options);
  const responses = new ResponseCache({ engine: cache, bytesMax: 100_000, hasReport: false, cdn });
  const query = `{ ${policies.map((_, index) => `f${index}`).join(' ')} }`;
  const run = async (): Promise<string | undefined> => {
    const args = { schema, document: parse(query), contextValue: {} };
    const result = await execute(args);
    const cacheable = responses.cacheable(args, result);
    if (cacheable !== undefined) responses.set(query, cacheable, { contentType: 'application/json', isGet: true });
    const http = httpCachingOf(args, result, JSON.stringify(result.data), { cdn });
    expect(http?.isForEveryone).toBe(true);
    return http?.cacheControl;
  };
  await run();
  const executed = await run();
  return [executed, (await responses.get(query))?.http?.cacheControl];
}

const http: Policy = { http: '30s' };

describe('without a CDN, the response to a GET has', () => {
  it.each<[string, readonly Policy[], string]>([
    ['no stale use by default', [http], 'public, max-age=30, must-revalidate'],
    ['stale-while-revalidate from stale', [{ ...http, stale: '5m' }], 'public, max-age=30, stale-while-revalidate=300'],
    ['stale-if-error from staleIfError', [{ ...http, staleIfError: '1h' }], 'public, max-age=30, stale-if-error=3600'],
    [
      'both',
      [{ ...http, stale: '5m', staleIfError: '1h' }],
      'public, max-age=30, stale-while-revalidate=300, stale-if-error=3600',
    ],
    [
      'the shortest of each',
      [
        { ...http, stale: '5m', staleIfError: '1h' },
        { ...http, stale: '1m', staleIfError: '2h' },
      ],
      'public, max-age=30, stale-while-revalidate=60, stale-if-error=3600',
    ],
    ['no stale use unless every field has it', [{ ...http, stale: '5m' }, http], 'public, max-age=30, must-revalidate'],
    ['no stale use of less than a second', [{ ...http, stale: '900ms' }], 'public, max-age=30, must-revalidate'],
    ['no stale use where clients ask each time', [{ stale: '5m', staleIfError: '1h' }], 'no-cache'],
    ['no time for CDNs, which could not be purged', [{ ...http, cdn: '30m' }], 'public, max-age=30, must-revalidate'],
    ['no time for CDNs alone', [{ cdn: '30m' }], 'no-cache'],
  ])('%s', async (_title, policies, expected) => {
    expect(await bothOf(policies)).toEqual([expected, expected]);
  });
});

describe('with a CDN that is purged, the response to a GET has', () => {
  it.each<[string, readonly Policy[], string]>([
    ['one time for all, by default', [http], 'public, max-age=30, must-revalidate'],
    ['a time for the CDN; browsers ask', [{ cdn: '30m' }], 'public, max-age=0, s-maxage=1800, must-revalidate'],
    ['both times', [{ ...http, cdn: '30m' }], 'public, max-age=30, s-maxage=1800, must-revalidate'],
    ['the shortest time of the CDN', [{ cdn: '30m' }, http], 'public, max-age=0, s-maxage=30, must-revalidate'],
    [
      'no longer time than values are fresh',
      [{ cdn: '5m', ttl: () => '7s' }],
      'public, max-age=0, s-maxage=7, must-revalidate',
    ],
    [
      'stale use with a time for browsers',
      [{ ...http, cdn: '30m', stale: '5m' }],
      'public, max-age=30, s-maxage=1800, stale-while-revalidate=300',
    ],
    ['none without', [{ cdn: '30m', stale: '5m' }], 'public, max-age=0, s-maxage=1800, must-revalidate'],
    ['an explicit zero if everybody asks', [{}], 'no-cache, max-age=0'],
    ['a zero if one field has no time', [{ cdn: '30m' }, {}], 'no-cache, max-age=0'],
  ])('%s', async (_title, policies, expected) => {
    expect(await bothOf(policies, {})).toEqual([expected, expected]);
  });

  it('no time for it if the response has too many tags', async () => {
    const five = Array.from({ length: 5 }, () => ({ ...http, cdn: '30m' }) as const);
    const expected = 'private, max-age=30, must-revalidate';
    expect(await bothOf(five, { tagsMax: 10 })).toEqual([expected, expected]);
    expect(
      await bothOf(
        five.map(() => ({})),
        { tagsMax: 10 },
      ),
    ).toEqual(['private, no-cache', 'private, no-cache']);
  });
});

it('ResponseCache rejects a cdn that is none', async () => {
  const { cache } = await newSchema((builder) => builder.queryField('n', (t) => t.int({ resolve: () => 1 })));
  const create = (): unknown =>
    new ResponseCache({ engine: cache, bytesMax: 1, hasReport: false, cdn: { onInvalidate: () => {} } as never });
  expect(create).toThrow('ResponseCache: cdn must be what createCdn returns, got an object');
});

describe('cdn of a field', () => {
  it.each<[string, object, string]>([
    ['no duration', { cdn: '500ms' }, `cache.cdn must be whole seconds such as '30s', at most ttl, got "500ms"`],
    ['longer than ttl', { cdn: '2h' }, `cache.cdn must be whole seconds such as '30s', at most ttl, got "2h"`],
    ['together with vary', { cdn: '30s', vary: () => 1 }, "cache.cdn is for fields with scope 'public', without vary"],
    ['together with strict', { cdn: '30s', strict: true }, "cache.cdn is for fields with scope 'public', without vary"],
  ])('is rejected if it is %s', async (_title, more, message) => {
    const built = newSchema((builder) =>
      builder.queryField('n', (t) => t.int({ cache: { scope: 'public', ttl: '1h', ...more }, resolve: () => 1 })),
    );
    await expect(built).rejects.toThrow(`Query.n: ${message}`);
  });

  it('is inherited, except by fields that cannot have it, and false turns it off', async () => {
    const { schema, cache } = await newSchema(
      (builder) => {
        const cached = { scope: 'public', ttl: '1m' } as const;
        builder.queryField('inherits', (t) => t.int({ cache: cached, resolve: () => 1 }));
        builder.queryField('off', (t) => t.int({ cache: { ...cached, cdn: false }, resolve: () => 1 }));
        builder.queryField('strict', (t) => t.int({ cache: { ...cached, strict: true }, resolve: () => 1 }));
      },
      { defaults: { cdn: '30s' } },
    );
    const cdn = createCdn(cache);
    expect(await cacheControlOf(schema, '{ inherits }', {}, cdn)).toBe(
      'public, max-age=0, s-maxage=30, must-revalidate',
    );
    expect(await cacheControlOf(schema, '{ off }', {}, cdn)).toBe('no-cache, max-age=0');
    expect(await cacheControlOf(schema, '{ strict }', {}, cdn)).toBe('no-cache, max-age=0');
  });
});

it('the time counts from the end of the response, however long another of its fields takes', async () => {
  const world = await newSchema((builder, { clock }) => {
    const policy = { scope: 'public', ttl: '1m', http: '1m' } as const;
    builder.queryField('fast', (t) => t.int({ cache: policy, resolve: () => 1 }));
    builder.queryField('slow', (t) =>
      t.int({
        cache: policy,
        resolve: () => new Promise<number>((resolve) => void clock.after(5_000, () => resolve(2))),
      }),
    );
  });
  const { schema, cache, clock } = world;
  await cacheControlOf(schema, '{ fast }');
  clock.advance(50_000);
  const response = cacheControlOf(schema, '{ fast slow }', {}, createCdn(cache));
  await settled(world);
  clock.advance(5_000);
  expect(await response).toBe('public, max-age=5, must-revalidate');
});
