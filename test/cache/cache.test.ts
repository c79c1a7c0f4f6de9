// The path of a fetch, on each store.
import { describe, expect, it } from 'vitest';
import { keysOf, newWorld, redisClient, tiers, times } from './world.ts';

const rows = [
  { id: 1, price: '12.50', at: new Date(0), big: 1n, none: null, gone: undefined, bytes: Buffer.from('ab') },
  { id: 2, price: '0.00', tags: new Set(['a']), rating: -0, $: 'x' },
];

describe.each(tiers)('on the %s store', (tier) => {
  it('loads a value once, and serves it from the cache afterwards', async () => {
    const { fetch, source, trace } = await newWorld(tier);
    for (const _ of times(3, Number)) expect(await fetch()).toBe('value');
    expect(source.loads).toBe(1);
    expect(trace.text).toBe('load write miss hit×2');
  });

  it('returns equal values on a miss, a shared load and a hit', async () => {
    const { fetch, source, outcome } = await newWorld(tier);
    const held = source.hold();
    const [loader, waiter] = [outcome(), outcome()];
    await held.begun;
    held.give(structuredCloneOf(rows));
    const seen = [await loader, await waiter, await outcome()];
    expect(seen.map(({ state }) => state)).toEqual(['miss', 'shared', 'hit']);
    for (const { value } of seen) expect(value).toStrictEqual(rows);
    expect(await fetch()).toStrictEqual(rows);
  });

  it('does not let one reader change the value that the next one receives', async () => {
    const { fetch, source } = await newWorld(tier);
    const held = source.hold();
    const readers = times(3, () => fetch());
    await held.begun;
    held.give([{ name: 'Rose' }]);
    const seen = await Promise.all([...readers, fetch(), fetch()]);
    for (const value of seen) {
      expect(value).toEqual([{ name: 'Rose' }]);
      const [first] = value as { name: string }[];
      if (first !== undefined) Reflect.set(first, 'name', 'changed');
    }
    expect(await fetch()).toEqual([{ name: 'Rose' }]);
  });

  it('keeps values with different arguments or fields apart', async () => {
    const { fetch, source } = await newWorld(tier);
    for (const args of [{}, { q: '' }, { q: 'a' }, { q: null }, { q: 'a', limit: 1 }]) {
      source.gives(args);
      expect(await fetch({ args })).toEqual(args);
    }
    source.gives('other');
    expect(await fetch({ field: 'Query.other' })).toBe('other');
    expect(await fetch({ args: { q: 'a' } })).toEqual({ q: 'a' });
    expect(source.loads).toBe(6);
  });

  it.each([[null], [undefined], [[]], [''], [0], [false], [{}]])('caches %j like any other value', async (value) => {
    const { fetch, source } = await newWorld(tier);
    source.gives(value);
    expect(await fetch()).toStrictEqual(value);
    expect(await fetch()).toStrictEqual(value);
    expect(source.loads).toBe(1);
  });

  it.each([new Error('no rows'), 'a text', undefined])(
    'passes on what a load rejects with, and stores nothing: %s',
    async (reason) => {
      const { fetch, source, trace, namespace } = await newWorld(tier);
      source.fails(reason);
      const seen = times(3, () => fetch());
      await Promise.all(seen.map((value) => expect(value).rejects.toBe(reason)));
      expect(trace.count('load-failed')).toBe(1);
      expect(trace.count('write')).toBe(0);
      const left = tier === 'redis' ? await keysOf(await redisClient(), `${namespace}:Query*`) : [];
      expect(left).toEqual([]);

      source.gives('back');
      expect(await fetch()).toBe('back');
    },
  );

  it('passes on what a synchronous load throws or returns', async () => {
    const { fetch } = await newWorld(tier);
    const error = new Error('at once');
    const load = (): never => {
      throw error;
    };
    await expect(fetch({ load })).rejects.toBe(error);
    await expect(fetch({ load, mode: 'bypass' })).rejects.toBe(error);
    expect(await fetch({ load: () => 'not a promise' })).toBe('not a promise');
  });

  it('neither reads nor stores on bypass', async () => {
    const { fetch, source, trace } = await newWorld(tier);
    await fetch();
    source.gives('new');
    trace.take();
    expect(await fetch({ mode: 'bypass' })).toBe('new');
    expect(await fetch()).toBe('value');
    expect(trace.text).toBe('bypass hit');
  });

  it('loads and stores on refresh', async () => {
    const { fetch, source, trace } = await newWorld(tier);
    await fetch();
    source.gives('new');
    trace.take();
    expect(await fetch({ mode: 'refresh' })).toBe('new');
    expect(await fetch()).toBe('new');
    expect(trace.text).toBe('load write refresh hit');
  });

  it('shares the load of a refresh with a request that arrives during it', async () => {
    const { fetch, source } = await newWorld(tier);
    await fetch();
    const held = source.hold();
    const refreshed = fetch({ mode: 'refresh' });
    await held.begun;
    const waiter = fetch();
    held.give('new');
    expect(await Promise.all([refreshed, waiter])).toEqual(['new', 'new']);
    expect(source.loads).toBe(2);
  });

  it('loads once for 200 concurrent requests for a key without an entry', async () => {
    const { fetch, source, trace } = await newWorld(tier);
    const seen = await Promise.all(times(200, () => fetch({ tags: ['products'] })));
    expect(new Set(seen)).toEqual(new Set(['value']));
    expect(source.loads).toBe(1);
    expect([trace.count('miss'), trace.count('shared'), trace.count('write')]).toEqual([1, 199, 1]);
  });

  it('loads an unencodable value for each request, and reports the refused write', async () => {
    const { fetch, outcome, source, trace } = await newWorld(tier);
    class Row {
      readonly id = 1;
    }
    const row = new Row();
    source.gives(row);
    expect(await fetch()).toBe(row);
    expect(await outcome()).toMatchObject({ value: row, state: 'miss', tier: null, ageMs: null, ttlMs: null });
    expect(trace.text).toBe('load write-refused(unencodable) miss load write-refused(unencodable) miss');
  });

  it('stores the value of the arguments that its key had, whatever the load adds to them', async () => {
    const { cache, trace } = await newWorld(tier);
    const args: Record<string, unknown> = { q: 'a' };
    const key = cache.key({ field: 'Query.field', args });
    const load = (): string => {
      args['found'] = new URL('http://a');
      return 'value';
    };
    expect(await cache.fetch(key, { ttlMs: 1_000, tags: [] }, load)).toBe('value');
    expect(trace.text).toBe('load write miss');
  });

  it('returns but does not store the value if the load puts what has no stored form into an argument with a codec', async () => {
    class Range {
      from: unknown = 1;
    }
    const range = new Range();
    const isRange = (value: object): boolean => value instanceof Range;
    const codecs = [{ name: 'Range', test: isRange, encode: () => range.from, decode: () => range }];
    const { cache, trace } = await newWorld(tier, { codecs });
    const key = cache.key({ field: 'Query.field', args: { range } });
    const load = (): string => {
      range.from = new URL('http://a');
      return 'value';
    };
    expect(await cache.fetch(key, { ttlMs: 1_000, tags: [] }, load)).toBe('value');
    const refusal = trace.events.find(({ type }) => type === 'write-refused');
    expect(refusal).toMatchObject({
      what: expect.stringContaining('in the arguments, which the resolver changed') as string,
    });
  });

  it('reports how a value was obtained', async () => {
    const { outcome, source, clock } = await newWorld(tier);
    const held = source.hold();
    const miss = outcome();
    await held.begun;
    const shared = outcome();
    clock.advance(250);
    held.give('value');
    const startedMs = clock.nowMs() - 250;
    const loaded = { tier: null, startedMs, durationMs: 250, ageMs: 0, ttlMs: 60_000, value: 'value' };
    expect(await miss).toMatchObject({ ...loaded, state: 'miss' });
    expect(await shared).toMatchObject({ ...loaded, state: 'shared' });
    expect(await outcome({ mode: 'refresh' })).toMatchObject({
      ...loaded,
      state: 'refresh',
      startedMs: startedMs + 250,
      durationMs: 0,
    });
    expect(await outcome({ mode: 'bypass' })).toMatchObject({
      ...loaded,
      state: 'bypass',
      startedMs: startedMs + 250,
      durationMs: 0,
      ageMs: null,
      ttlMs: null,
    });
    const hit = await outcome();
    expect(hit).toMatchObject({ state: 'hit', tier, durationMs: 0, value: 'value' });
    expect((hit.ageMs ?? 0) + (hit.ttlMs ?? 0)).toBe(60_000);
  });
});

it('reports the age and the remaining TTL by the clock, and loads when the TTL has ended', async () => {
  const { fetch, outcome, source, clock } = await newWorld('memory');
  await fetch();
  clock.advance(59_999);
  expect(await outcome()).toMatchObject({ state: 'hit', tier: 'memory', ageMs: 59_999, ttlMs: 1 });
  source.gives('new');
  clock.advance(1);
  expect(await outcome()).toMatchObject({ state: 'miss', ageMs: 0, ttlMs: 60_000, value: 'new' });
});

it('derives the age from the remaining TTL in Redis, not from the clock of the process', async () => {
  const { fetch, outcome, cache, clock } = await newWorld('redis');
  const client = await redisClient();
  await fetch({ ttl: '1d' });
  await client.pexpire(cache.key({ field: 'Query.field' }).text, 40_000_000);
  clock.advance(600_000); // the clock of this process is wrong by ten minutes
  const { ageMs, ttlMs } = await outcome({ ttl: '1d' });
  expect(ttlMs).toBeGreaterThan(39_000_000);
  expect(ttlMs).toBeLessThanOrEqual(40_000_000);
  expect((ageMs ?? 0) + (ttlMs ?? 0)).toBe(86_400_000);
});

it('keeps two namespaces apart if one is a prefix of the other', async () => {
  const shop = await newWorld('redis');
  const longer = await newWorld('redis', { namespace: `${shop.namespace}-x` });
  longer.source.gives('of the twin');
  expect(await shop.fetch({ tags: ['a'] })).toBe('value');
  expect(await longer.fetch({ tags: ['a'] })).toBe('of the twin');
  await shop.cache.invalidate(['a']);
  expect(await shop.cache.flush()).toBe(1);
  await longer.fetch({ tags: ['a'] });
  expect(longer.source.loads).toBe(1);
  await longer.cache.flush();
});

/** Used instead of `structuredClone`, which turns a Buffer into a Uint8Array. */
function structuredCloneOf(value: typeof rows): unknown {
  return value.map((row) => ({ ...row }));
}
