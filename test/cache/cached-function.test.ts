// Functions that are cached by their arguments.
import { describe, expect, expectTypeOf, it } from 'vitest';
import { cached, currentLoad, type CacheError, type CachedFunctionOptions, type Key } from '../../src/cache/index.ts';
import { age, newWorld, settled, tiers, times, withResolvers, type World } from './world.ts';

interface RateWorld extends World {
  readonly calls: (readonly unknown[])[];
  readonly rateOf: ReturnType<typeof cached<[currency?: unknown, day?: unknown], unknown>>;
}

/** A world with a function that records its calls and returns their number. */
async function newRates(
  options: Partial<CachedFunctionOptions<[currency?: unknown, day?: unknown], unknown>> = {},
  world?: World,
): Promise<RateWorld> {
  const own = world ?? (await newWorld());
  const calls: (readonly unknown[])[] = [];
  const rateOf = cached(own.cache, 'rate', { ttl: '10s', ...options }, async (...args: [unknown?, unknown?]) =>
    calls.push(args),
  );
  return { ...own, calls, rateOf };
}

describe.each(tiers)('on the %s store, a cached function', (tier) => {
  it('is called once for equal arguments, and again after its TTL', async () => {
    const world = await newRates({}, await newWorld(tier));
    const { rateOf, calls } = world;
    expect(await Promise.all(times(5, () => rateOf('EUR')))).toEqual([1, 1, 1, 1, 1]);
    expect(await rateOf('USD')).toBe(2);
    expect(await rateOf('EUR')).toBe(1);
    await age(world, 10_001);
    expect(await rateOf('EUR')).toBe(3);
    expect(calls).toEqual([['EUR'], ['USD'], ['EUR']]);
  });

  it('shares its values with other processes that have the same name', async () => {
    const first = await newRates({}, await newWorld(tier));
    const second = await newRates({}, await newWorld(tier === 'memory' ? first.store : tier, { ...first, log: false }));
    expect(await first.rateOf('EUR')).toBe(1);
    expect(await second.rateOf('EUR')).toBe(1);
    expect(second.calls).toEqual([]);
  });

  it('removes a result with delete', async () => {
    const { cache } = await newWorld(tier);
    let calls = 0;
    const rateOf = cached(cache, 'rate', { ttl: '60s' }, async (_currency: string, _day?: number) => (calls += 1));
    await rateOf('EUR');
    await rateOf('USD');
    expect(await rateOf.delete('EUR', undefined)).toBe(1);
    expect(await rateOf('EUR')).toBe(3);
    expect(await rateOf('USD')).toBe(2);
  });

  it('loads and stores with refresh', async () => {
    const { rateOf } = await newRates({}, await newWorld(tier));
    await rateOf('EUR');
    expect(await rateOf.refresh('EUR')).toBe(2);
    expect(await rateOf('EUR')).toBe(2);
  });

  it('has tags, which may depend on its arguments', async () => {
    const { rateOf, cache } = await newRates(
      { tags: (currency) => [`rates:${String(currency)}`] },
      await newWorld(tier),
    );
    await rateOf('EUR');
    await rateOf('USD');
    await cache.invalidate(['rates:EUR']);
    expect([await rateOf('EUR'), await rateOf('USD')]).toEqual([3, 2]);
    const listed = await newRates({ tags: ['rates'] }, await newWorld(tier));
    await listed.rateOf('EUR');
    await listed.cache.invalidate(['rates']);
    expect(await listed.rateOf('EUR')).toBe(2);
  });
});

describe('a cached function', () => {
  it('has the parameters and the result of its function, and its ttl receives the result', async () => {
    const { cache, clock, trace } = await newWorld();
    const options = { ttl: (rate: { value: number }) => (rate.value > 1 ? '1s' : '1m') } as const;
    const rateOf = cached(cache, 'rate', options, async (currency: string, day?: number) => ({
      value: currency.length + (day ?? 0),
    }));
    expectTypeOf(rateOf.refresh).parameters.toEqualTypeOf<[currency: string, day?: number | undefined]>();
    expectTypeOf(rateOf).returns.resolves.toEqualTypeOf<{ value: number }>();
    expect(await rateOf('EUR')).toEqual({ value: 3 });
    expect(await rateOf('E')).toEqual({ value: 1 });
    clock.advance(1_000);
    expect(await rateOf('E')).toEqual({ value: 1 });
    expect(trace.take()).toBe('load write miss load write miss hit');
    const double = cached(cache, 'double', { ttl: (value) => `${value}s` }, (n: number) => 2 * n);
    await double(3);
    expect(trace.events).toContainEqual(expect.objectContaining({ type: 'write', ttlMs: 6_000 }));
  });

  it('stores null for nullTtl', async () => {
    const { cache, clock } = await newWorld();
    let calls = 0;
    const find = cached(cache, 'find', { ttl: '1m', nullTtl: '5s' }, () => (calls++, null));
    await find();
    clock.advance(4_999);
    await find();
    expect(calls).toBe(1);
    clock.advance(1);
    await find();
    expect(calls).toBe(2);
  });

  it('counts undefined at the end as left out, and receives the arguments without it', async () => {
    const { rateOf, calls } = await newRates();
    expect([await rateOf('EUR'), await rateOf('EUR', undefined)]).toEqual([1, 1]);
    expect([await rateOf(), await rateOf(undefined), await rateOf(undefined, undefined)]).toEqual([2, 2, 2]);
    expect([await rateOf(undefined, 'x'), await rateOf(null), await rateOf('EUR', null)]).toEqual([3, 4, 5]);
    await rateOf.refresh('USD', undefined);
    expect(calls).toEqual([['EUR'], [], [undefined, 'x'], [null], ['EUR', null], ['USD']]);
    expect(rateOf.key('EUR', undefined).text).toBe(rateOf.key('EUR').text);
  });

  it.each<[unknown, unknown]>([
    [
      { a: 1, b: 2 },
      { b: 2, a: 1 },
    ],
    [new Date(5), new Date(5)],
    [
      [1, [2n]],
      [1, [2n]],
    ],
  ])('has one value for equal arguments: %o', async (one, two) => {
    const { rateOf } = await newRates();
    expect([await rateOf(one), await rateOf(two)]).toEqual([1, 1]);
  });

  it.each<[unknown, unknown]>([
    [1, '1'],
    [['a', 'b'], 'a'],
    [{ a: undefined }, {}],
    [0, -0],
    [null, 'null'],
  ])('has a value each for different arguments: %o and %o', async (one, two) => {
    const { rateOf } = await newRates();
    expect([await rateOf(one), await rateOf(two)]).toEqual([1, 2]);
  });

  it('tells (a, b) from ([a, b])', async () => {
    const { rateOf } = await newRates();
    expect([await rateOf('a', 'b'), await rateOf(['a', 'b'])]).toEqual([1, 2]);
  });

  it.each<[string, unknown]>([
    ['a function', () => 1],
    ['an instance of a class', new Map()],
    ['a promise', Promise.resolve(1)],
  ])('rejects with INVALID_KEY for %s, and key throws it', async (_, arg) => {
    const { rateOf, calls } = await newRates();
    const code = 'INVALID_KEY';
    await expect(rateOf(arg)).rejects.toMatchObject({ code });
    await expect(rateOf.refresh(arg)).rejects.toMatchObject({ code });
    expect(() => rateOf.key(arg)).toThrow(expect.objectContaining<Partial<CacheError>>({ code }));
    expect(calls).toEqual([]);
  });

  it('does not store the result for an argument that was changed meanwhile', async () => {
    const { rateOf, calls } = await newRates();
    const filter = { currency: 'EUR' };
    const result = rateOf(filter);
    filter.currency = 'USD';
    await expect(result).rejects.toMatchObject({ code: 'INVALID_KEY', message: 'rate: an argument was changed' });
    expect(calls).toEqual([]);
    expect(await rateOf({ currency: 'EUR' })).toBe(1);
  });

  it('does not refresh a value in the background for an argument that was changed', async () => {
    const world = await newRates({ stale: '1m' });
    const { rateOf, clock, trace } = world;
    const filter = { currency: 'EUR' };
    await rateOf(filter);
    clock.advance(10_001);
    const result = rateOf(filter);
    filter.currency = 'USD';
    expect(await result).toBe(1);
    await settled(world);
    expect(trace.count('background-failed')).toBe(1);
    expect(await rateOf({ currency: 'EUR' })).toBe(1);
  });

  it('rejects with what its function throws, unchanged, and stores nothing', async () => {
    const { cache } = await newWorld();
    const error = new Error('down');
    let calls = 0;
    const fail = cached(cache, 'fail', { ttl: '1m' }, (): number => {
      calls += 1;
      throw error;
    });
    await expect(fail()).rejects.toBe(error);
    await expect(fail()).rejects.toBe(error);
    expect(calls).toBe(2);
  });

  it('does not pass `this` on', async () => {
    const { cache } = await newWorld();
    const seen: unknown[] = [];
    const object = {
      load: cached(cache, 'load', { ttl: '1m' }, function (this: unknown) {
        seen.push(this);
        return 1;
      }),
    };
    await object.load();
    expect(seen).toEqual([undefined]);
  });

  it('inside of a load, adds its tags to the outer value', async () => {
    const { cache, fetch, trace } = await newWorld();
    const inner = cached(cache, 'inner', { ttl: '1m', tags: ['rates'] }, () => 1);
    await fetch({ field: 'Query.outer', load: () => inner() });
    trace.take();
    await cache.invalidate(['rates']);
    await fetch({ field: 'Query.outer', load: () => inner() });
    expect(trace.count('miss')).toBe(2);
  });

  it('runs its function in one load for all that ask at once, also in different loads', async () => {
    const { cache } = await newWorld();
    const gate = withResolvers<void>();
    const loads = new Set<unknown>();
    const slow = cached(cache, 'slow', { ttl: '1m' }, async () => {
      loads.add(currentLoad());
      await gate.promise;
      return 1;
    });
    const results = times(10, () => slow());
    gate.resolve();
    await Promise.all(results);
    expect(loads.size).toBe(1);
  });
});

describe('cached rejects at once', () => {
  const fn = (): number => 1;
  it.each<[string, unknown, unknown, unknown, string, string]>([
    ['an empty name', '', { ttl: '1s' }, fn, 'INVALID_KEY', 'cached: the name must be a text such as "exchangeRate"'],
    ['a name with ":"', 'a:b', { ttl: '1s' }, fn, 'INVALID_KEY', 'got "a:b"'],
    ['the name of tokens', 'tag', { ttl: '1s' }, fn, 'INVALID_KEY', 'other than "tag", got "tag"'],
    ['a name that is no text', 5, { ttl: '1s' }, fn, 'INVALID_KEY', 'got 5'],
    ['an invalid ttl', 'rate', { ttl: '1w' }, fn, 'INVALID_POLICY', 'rate: ttl must be'],
    ['no policy', 'rate', undefined, fn, 'INVALID_POLICY', 'rate: ttl must be'],
    ['an unknown option', 'rate', { ttl: '1s', swr: 1 }, fn, 'INVALID_POLICY', 'the unknown option "swr"'],
    ['an invalid tag', 'rate', { ttl: '1s', tags: ['*'] }, fn, 'INVALID_TAG', 'rate: a tag must be'],
    [
      'no function',
      'rate',
      { ttl: '1s' },
      undefined,
      'INVALID_OPTIONS',
      'cached: rate needs a function, got undefined',
    ],
  ])('%s', async (_, name, options, given, code, message) => {
    const { cache } = await newWorld();
    const create = (): unknown => cached(cache, name as string, options as { ttl: '1s' }, given as () => number);
    expect(create).toThrow(expect.objectContaining<Partial<CacheError>>({ code: code as CacheError['code'] }));
    expect(create).toThrow(message);
  });

  it('something else than a cache', () => {
    const create = (): unknown => cached({} as never, 'rate', { ttl: '1s' }, fn);
    expect(create).toThrow('cached: the first argument must be a cache, which createCache() returns, got an object');
  });

  it.each<[() => unknown, string]>([
    [() => 'rates', 'rate: tags must be a list, got string'],
    [() => Promise.reject(new Error('late')), 'rate: tags must be a list, got a promise'],
    [() => ['*'], 'rate: a tag must be'],
  ])('no tags, but the call does: %j', async (tags, message) => {
    const { rateOf, calls } = await newRates({ tags: tags as () => string[] });
    await expect(rateOf('EUR')).rejects.toMatchObject({ code: 'INVALID_TAG' });
    await expect(rateOf('EUR')).rejects.toThrow(message);
    expect(calls).toEqual([]);
  });
});

it('the key of a cached function has its name and its arguments by position', async () => {
  const { rateOf } = await newRates();
  const key: Key = rateOf.key('EUR', 5);
  expect(key).toMatchObject({ field: 'rate', args: { 0: 'EUR', 1: 5 } });
  expect(key.text).toMatch(/^t-[0-9a-f]+:rate:[\w-]{22}$/);
  expect(rateOf.key().text).toMatch(/:rate$/);
});
