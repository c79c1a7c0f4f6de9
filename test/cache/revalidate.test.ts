// Whether what was read would be given again, asked of a store that answers when it is told to.
import { describe, expect, it } from 'vitest';
import type { EntryRef } from '../../src/cache/index.ts';
import { newSickWorld } from './store/sick-store.ts';
import { newWorld, tiers, times, turn } from './world.ts';

it('is asked once for those who ask in one turn of the event loop, and anew for who comes after that', async () => {
  const { cache, fetch, sick, trace } = await newSickWorld(['confirm']);
  const held: EntryRef[] = [];
  const report = (outcome: { entryRef: EntryRef | undefined }): void =>
    void (outcome.entryRef && held.push(outcome.entryRef));
  await fetch({ tags: ['t'] });
  await fetch({ tags: ['t'], report });
  trace.take();
  sick.calls.length = 0;

  sick.health = 'mute';
  const early = times(3, async () => await cache.revalidate(held));
  await turn();
  expect(sick.calls).toEqual(['confirm']);
  await cache.invalidate(['t']);
  const late = cache.revalidate(held);
  await turn();
  sick.answerAll();
  expect((await Promise.all(early)).map((hits) => hits?.length)).toEqual([1, 1, 1]);
  expect(await late).toBeUndefined();
  expect(trace.count('hit')).toBe(3);
});

it('leaves the store alone for the rest of a request that it has failed, also where another one has asked', async () => {
  const { cache, fetch, sick, clock, source } = await newSickWorld(['confirm', 'read']);
  const held: EntryRef[] = [];
  await fetch();
  await fetch({ report: (outcome) => void (outcome.entryRef && held.push(outcome.entryRef)) });
  sick.health = 'silent';
  const requests = times(2, () => ({}));
  const asked = requests.map(async (request) => await cache.revalidate(held, request));
  await turn();
  clock.advance(100);
  expect(await Promise.all(asked)).toEqual([undefined, undefined]);

  sick.calls.length = 0;
  source.gives('loaded');
  for (const request of requests) expect(await fetch({ request })).toBe('loaded');
  expect(await cache.revalidate(held, requests[0])).toBeUndefined();
  expect(sick.calls).toEqual([]);
});

describe.each(tiers)('on the %s store', (tier) => {
  it('tells the age of what is given again, and for how long it is fresh', async () => {
    const { cache, fetch } = await newWorld(tier);
    const held: EntryRef[] = [];
    await fetch({ ttl: '60s' });
    await fetch({ ttl: '60s', report: (outcome) => void (outcome.entryRef && held.push(outcome.entryRef)) });
    const [hit] = (await cache.revalidate(held)) ?? [];
    const { ttlMs = 0, ageMs = 0 } = hit ?? {};
    expect(ttlMs).toBeGreaterThan(30_000);
    expect(ttlMs + ageMs).toBe(60_000);
  });

  it.each(['invalidate', 'flush'] as const)(
    'after %s() nothing older is given again, also in one turn',
    async (how) => {
      const { cache, fetch } = await newWorld(tier);
      const held: EntryRef[] = [];
      await fetch({ tags: ['t'] });
      await fetch({ tags: ['t'], report: (outcome) => void (outcome.entryRef && held.push(outcome.entryRef)) });
      const early = cache.revalidate(held);
      await (how === 'flush' ? cache.flush() : cache.invalidate(['t']));
      const late = cache.revalidate(held);
      await early;
      expect(await late).toBeUndefined();
    },
  );
});
