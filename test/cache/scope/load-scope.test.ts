// A load that fetches other values: whether and for how long its value is cached depends on them.
import { describe, expect, it } from 'vitest';
import { newWorld, redisClient, tiers, times, withResolvers, type World } from '../world.ts';

const inner = { field: 'Query.inner', tags: ['inner'] };
const outer = { field: 'Query.outer', tags: ['outer'] };

function outerOver({ fetch, source }: World): () => Promise<unknown> {
  return async () => `outer of ${String(await fetch({ ...inner, load: source.load }))}`;
}

describe.each(tiers)('on the %s store, a value with an inner value', (tier) => {
  it('is cached until the inner one is invalidated', async () => {
    const world = await newWorld(tier);
    const { fetch, cache, source, trace } = world;
    const load = outerOver(world);
    expect(await fetch({ ...outer, load })).toBe('outer of value');
    trace.take();
    expect(await fetch({ ...outer, load })).toBe('outer of value');
    expect(trace.take()).toBe('hit');
    source.gives('new');
    await cache.invalidate(inner.tags);
    expect(await fetch({ ...outer, load })).toBe('outer of new');
    expect(source.loads).toBe(2);
  });

  it('is invalidated with the inner value of its inner value', async () => {
    const world = await newWorld(tier);
    const { fetch, cache, source } = world;
    const middle = outerOver(world);
    const load = (): Promise<unknown> => fetch({ field: 'Query.middle', load: middle });
    await fetch({ ...outer, load });
    await cache.invalidate(inner.tags);
    source.gives('new');
    expect(await fetch({ ...outer, load })).toBe('outer of new');
  });

  it('is invalidated with the inner value if that was a hit', async () => {
    const world = await newWorld(tier);
    const { fetch, cache, source } = world;
    await fetch(inner);
    await fetch({ ...outer, load: outerOver(world) });
    await cache.invalidate(inner.tags);
    source.gives('new');
    expect(await fetch({ ...outer, load: outerOver(world) })).toBe('outer of new');
  });

  it('is invalidated with the inner value if that was loaded by another request', async () => {
    const world = await newWorld(tier);
    const { fetch, cache, source, trace } = world;
    const held = source.hold();
    const first = fetch(inner);
    await held.begun;
    const outerValue = fetch({ ...outer, load: outerOver(world) });
    held.give('value');
    await Promise.all([first, outerValue]);
    expect(source.loads).toBe(1);
    expect(trace.count('write')).toBe(2);
    await cache.invalidate(inner.tags);
    source.gives('new');
    expect(await fetch({ ...outer, load: outerOver(world) })).toBe('outer of new');
  });

  it('is invalid if the inner value is invalidated during the outer load', async () => {
    const { fetch, cache, source } = await newWorld(tier);
    const load = async (): Promise<unknown> => {
      const value = await fetch(inner);
      await cache.invalidate(inner.tags);
      return value;
    };
    expect(await fetch({ ...outer, load })).toBe('value');
    source.gives('new');
    expect(await fetch({ ...outer, load: () => fetch(inner) })).toBe('new');
  });

  it('is not stored if its own tag is invalidated before it fetches an inner value with that tag', async () => {
    const { fetch, cache, trace } = await newWorld(tier);
    const load = async (): Promise<unknown> => {
      await cache.invalidate(inner.tags);
      return fetch(inner);
    };
    await fetch({ field: 'Query.outer', tags: inner.tags, load });
    expect(trace.text).toBe('invalidate load write miss load write-refused(token-lost) miss');
  });

  it('is returned and not stored if the inner value bypassed the cache', async () => {
    const { fetch, source, outcome, trace } = await newWorld(tier);
    const load = (): Promise<unknown> => fetch({ ...inner, mode: 'bypass' });
    expect(await outcome({ ...outer, load })).toMatchObject({ value: 'value', state: 'miss', ageMs: null });
    expect(trace.text).toBe('bypass load write-refused(inner-unstored) miss');
    await fetch({ ...outer, load });
    expect(source.loads).toBe(2);
  });

  it('is returned and not stored if the inner value could not be stored', async () => {
    const { fetch, trace } = await newWorld(tier);
    const load = async (): Promise<number> => {
      await fetch({ ...inner, load: () => new URL('http://a') });
      return 1;
    };
    await fetch({ ...outer, load });
    expect(trace.text).toBe('load write-refused(unencodable) miss load write-refused(inner-unstored) miss');
  });

  it('has a TTL that is no longer than that of the inner value', async () => {
    const world = await newWorld(tier);
    const load = outerOver(world);
    expect(await world.outcome({ ...outer, ttl: '1h', load })).toMatchObject({ ttlMs: 60_000 });
    expect(await world.outcome({ ...outer, field: 'Query.short', ttl: '1s', load })).toMatchObject({ ttlMs: 1_000 });
  });

  it('expires no later than the inner value, however long its own load took', async () => {
    const { outcome, fetch, clock } = await newWorld(tier);
    const load = async (): Promise<unknown> => {
      const value = await fetch({ ...inner, ttl: '60s' });
      clock.advance(250);
      return value;
    };
    expect(await outcome({ ...outer, ttl: '1h', load })).toMatchObject({ ttlMs: 59_750 });
  });

  it('fails instead of waiting forever if its load fetches itself, directly or through another value', async () => {
    const { fetch, source } = await newWorld(tier);
    const circular = { code: 'CIRCULAR_LOAD', message: expect.stringContaining('fetches') as string };
    await expect(fetch({ ...outer, load: () => fetch(outer) })).rejects.toMatchObject(circular);
    const indirect = (): Promise<unknown> => fetch({ ...inner, load: () => fetch(outer) });
    await expect(fetch({ ...outer, load: indirect })).rejects.toMatchObject(circular);
    expect(source.loads).toBe(0);
    expect(await fetch(outer)).toBe('value');
  });

  it('fails instead of waiting forever if two concurrent loads fetch each other’s value', async () => {
    const { fetch } = await newWorld(tier);
    const begun = [withResolvers<void>(), withResolvers<void>()] as const;
    const bothBegun = Promise.all(begun.map(({ promise }) => promise));
    const load = (index: 0 | 1, other: typeof outer) => async (): Promise<unknown> => {
      begun[index].resolve();
      await bothBegun;
      return fetch(other);
    };
    const results = await Promise.allSettled([
      fetch({ ...outer, load: load(0, inner) }),
      fetch({ ...inner, load: load(1, outer) }),
    ]);
    expect(results).toMatchObject([{ reason: { code: 'CIRCULAR_LOAD' } }, { reason: { code: 'CIRCULAR_LOAD' } }]);
    expect(await fetch(outer)).toBe('value');
  });

  it('does not fail if its load no longer waits for the value that now waits for it', async () => {
    const { fetch, source } = await newWorld(tier);
    const held = source.hold();
    const outerValue = fetch({ ...outer, load: () => fetch({ ...inner, load: () => 'inner' }).then(source.load) });
    await held.begun;
    const { promise: isWaiting, resolve } = withResolvers<void>();
    const load = async (): Promise<unknown> => {
      const value = fetch(outer);
      resolve();
      return value;
    };
    const other = fetch({ ...inner, mode: 'refresh', load });
    await isWaiting;
    held.give('outer');
    expect(await Promise.all([outerValue, other])).toEqual(['outer', 'outer']);
    expect(source.loads).toBe(1);
  });

  it('may fetch an inner value several times concurrently', async () => {
    const { fetch, source } = await newWorld(tier);
    const load = (): Promise<unknown[]> => Promise.all(times(3, () => fetch(inner)));
    expect(await Promise.all(times(3, (id) => fetch({ ...outer, args: { id }, load })))).toEqual(
      times(3, () => times(3, () => 'value')),
    );
    expect(source.loads).toBe(1);
  });

  it('may be fetched by work that its load has left running, after the load has ended', async () => {
    const { fetch } = await newWorld(tier);
    const { promise: isOver, resolve: endLoad } = withResolvers<void>();
    let later: Promise<unknown> | undefined;
    await fetch({ ...outer, load: () => ((later = isOver.then(() => fetch(outer))), 'value') });
    endLoad();
    expect(await later).toBe('value');
  });

  it('does not depend on values that a concurrent request fetched', async () => {
    const world = await newWorld(tier);
    const { fetch, cache, source } = world;
    const held = source.hold();
    const outerValue = fetch(outer);
    await held.begun;
    await Promise.all(times(5, (id) => fetch({ ...inner, args: { id } })));
    held.give('value');
    await outerValue;
    await cache.invalidate(inner.tags);
    await fetch(outer);
    expect(source.loads).toBe(6);
  });
});

describe('a value with an inner value of another cache', () => {
  const newTwoCaches = async (): Promise<readonly [World, World]> => [
    await newWorld('memory', { namespace: 'shop' }),
    await newWorld('memory', { namespace: 'shop' }),
  ];

  it('is returned and not stored, because invalidations of the other cache do not reach it', async () => {
    const [one, two] = await newTwoCaches();
    const load = (): Promise<unknown> => two.fetch(inner);
    expect(await one.outcome({ ...outer, load })).toMatchObject({ value: 'value', ageMs: null, ttlMs: null });
    expect(one.trace.text).toBe('load write-refused(other-cache) miss');
    await two.cache.invalidate(inner.tags);
    two.source.gives('new');
    expect(await one.fetch({ ...outer, load })).toBe('new');
  });

  it('is not stored even if the other cache has loaded it from this cache', async () => {
    const [one, two] = await newTwoCaches();
    const load = (): Promise<unknown> => two.fetch({ field: 'Query.middle', load: () => one.fetch(inner) });
    await one.fetch({ ...outer, load });
    expect(one.trace.text).toBe('load write miss load write-refused(other-cache) miss');
    expect(two.trace.text).toBe('load write-refused(other-cache) miss');
  });

  it('may have the same key', async () => {
    const [one, two] = await newTwoCaches();
    expect(await one.fetch({ ...outer, load: () => two.fetch(outer) })).toBe('value');
  });

  it('fails instead of waiting forever if the inner load fetches the outer value', async () => {
    const [one, two] = await newTwoCaches();
    const load = (): Promise<unknown> => two.fetch({ ...outer, load: () => one.fetch(outer) });
    await expect(one.fetch({ ...outer, load })).rejects.toMatchObject({ code: 'CIRCULAR_LOAD' });
  });
});

it('the TTL of a value is limited by the remaining TTL of an inner hit in Redis', async () => {
  const world = await newWorld('redis');
  const client = await redisClient();
  await world.fetch({ ...inner, ttl: '1d' });
  await client.pexpire(world.cache.key({ field: 'Query.inner' }).text, 40_000_000);
  const { ttlMs } = await world.outcome({ ...outer, ttl: '1d', load: outerOver(world) });
  expect(ttlMs).toBeGreaterThan(39_000_000);
  expect(ttlMs).toBeLessThanOrEqual(40_000_000);
});
