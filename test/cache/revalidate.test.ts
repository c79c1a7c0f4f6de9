// Checks that entries read earlier are still valid, over a store that replies when the test lets it.
import { describe, expect, it } from 'vitest';
import type { EntryRef } from '../../src/cache/index.ts';
import { newFaultyWorld } from './store/faulty-store.ts';
import { newWorld, tiers, times, tick } from './world.ts';

it('makes one store call for the revalidations of one tick, and does not share it with later ones', async () => {
  const { cache, fetch, faulty: faultyStore, trace } = await newFaultyWorld(['confirm']);
  const entryRefs: EntryRef[] = [];
  const report = (outcome: { entryRef: EntryRef | undefined }): void =>
    void (outcome.entryRef && entryRefs.push(outcome.entryRef));
  await fetch({ tags: ['t'] });
  await fetch({ tags: ['t'], report });
  trace.take();
  faultyStore.calls.length = 0;

  faultyStore.health = 'mute';
  const earlier = times(3, async () => await cache.revalidate(entryRefs));
  await tick();
  expect(faultyStore.calls).toEqual(['confirm']);
  await cache.invalidate(['t']);
  const later = cache.revalidate(entryRefs);
  await tick();
  faultyStore.answerAll();
  expect((await Promise.all(earlier)).map((hits) => hits?.length)).toEqual([1, 1, 1]);
  expect(await later).toBeUndefined();
  expect(trace.count('hit')).toBe(3);
});

it('bypasses the store for the rest of each request whose shared revalidation call has failed', async () => {
  const { cache, fetch, faulty: faultyStore, clock, source } = await newFaultyWorld(['confirm', 'read']);
  const entryRefs: EntryRef[] = [];
  await fetch();
  await fetch({ report: (outcome) => void (outcome.entryRef && entryRefs.push(outcome.entryRef)) });
  faultyStore.health = 'silent';
  const requests = times(2, () => ({}));
  const revalidations = requests.map(async (request) => await cache.revalidate(entryRefs, request));
  await tick();
  clock.advance(100);
  expect(await Promise.all(revalidations)).toEqual([undefined, undefined]);

  faultyStore.calls.length = 0;
  source.gives('loaded');
  for (const request of requests) expect(await fetch({ request })).toBe('loaded');
  expect(await cache.revalidate(entryRefs, requests[0])).toBeUndefined();
  expect(faultyStore.calls).toEqual([]);
});

describe.each(tiers)('on the %s store', (tier) => {
  it('returns the age and the remaining TTL of a valid entry', async () => {
    const { cache, fetch } = await newWorld(tier);
    const entryRefs: EntryRef[] = [];
    await fetch({ ttl: '60s' });
    await fetch({ ttl: '60s', report: (outcome) => void (outcome.entryRef && entryRefs.push(outcome.entryRef)) });
    const [hit] = (await cache.revalidate(entryRefs)) ?? [];
    const { ttlMs = 0, ageMs = 0 } = hit ?? {};
    expect(ttlMs).toBeGreaterThan(30_000);
    expect(ttlMs + ageMs).toBe(60_000);
  });

  it.each(['invalidate', 'flush'] as const)(
    'finds no older entry valid after %s(), even if a revalidation was pending',
    async (method) => {
      const { cache, fetch } = await newWorld(tier);
      const entryRefs: EntryRef[] = [];
      await fetch({ tags: ['t'] });
      await fetch({ tags: ['t'], report: (outcome) => void (outcome.entryRef && entryRefs.push(outcome.entryRef)) });
      const earlier = cache.revalidate(entryRefs);
      await (method === 'flush' ? cache.flush() : cache.invalidate(['t']));
      const later = cache.revalidate(entryRefs);
      await earlier;
      expect(await later).toBeUndefined();
    },
  );
});
