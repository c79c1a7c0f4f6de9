// The usage of the cache, its events, and the statistics that are computed from them.
import { describe, expect, it } from 'vitest';
import { CacheStats } from '../../../src/cache/index.ts';
import { newWorld, tiers, times } from '../world.ts';

describe.each(tiers)('on the %s store', (tier) => {
  it('reports its usage without tokens, keeps it for two seconds, and reads it again after a flush', async () => {
    const { fetch, cache, clock } = await newWorld(tier);
    await fetch({ args: { id: 1 }, tags: ['a'] });
    expect((await cache.usage()).keys).toBe(1);
    await fetch({ args: { id: 2 } });
    clock.advance(1_999);
    expect((await cache.usage()).keys).toBe(1);
    clock.advance(1);
    expect(await cache.usage()).toEqual({ keys: 2, memoryUsed: expect.any(Number) });
    await cache.flush();
    expect((await cache.usage()).keys).toBe(0);
  });

  it('fails no request because a listener throws', async () => {
    const { fetch, cache, source, trace } = await newWorld(tier);
    cache.on(() => {
      throw new Error('a broken listener');
    });
    const received: string[] = [];
    const unsubscribe = cache.on((event) => received.push(event.type));
    expect(await fetch()).toBe('value');
    expect(await fetch()).toBe('value');
    await cache.invalidate(['a']);
    unsubscribe();
    await fetch();
    expect(received.join(' ')).toBe('load write miss hit invalidate');
    expect(trace.text).toBe('load write miss hit invalidate hit');
    expect(source.loads).toBe(1);
  });

  it('counts hits, misses and loads by field, and does not count a bypass', async () => {
    const { fetch, cache, source, clock } = await newWorld(tier);
    const stats = new CacheStats(cache);
    expect(stats.total()).toEqual({ hits: 0, misses: 0, loads: 0, hitRate: 0 });
    const held = source.hold();
    const requests = times(3, () => fetch({ field: 'Query.b' }));
    await held.begun;
    clock.advance(300);
    held.give('value');
    await Promise.all(requests);
    await fetch({ field: 'Query.b' });
    await fetch({ field: 'Query.b', mode: 'bypass' });
    await fetch({ field: 'Query.a' });
    expect(stats.total()).toEqual({ hits: 1, misses: 4, loads: 2, hitRate: 20 });
    expect(stats.fields()).toEqual([
      { field: 'Query.a', hits: 0, misses: 1, loads: 1, meanLoadMs: 0, savedMs: 0 },
      { field: 'Query.b', hits: 1, misses: 3, loads: 1, meanLoadMs: 300, savedMs: 300 },
    ]);
  });
});
