// Invalidations of committed changes that the store does not receive.
import { expect, it } from 'vitest';
import { newFaultyWorld } from './store/faulty-store.ts';
import { advanceUntil, tick } from './world.ts';

it('a committed change is invalidated as by invalidate', async () => {
  const { cache, fetch, source, trace } = await newFaultyWorld();
  await fetch({ tags: ['products'] });
  source.gives('new');
  await cache.invalidateCommitted(['products']);
  expect(await fetch({ tags: ['products'] })).toBe('new');
  expect(trace.text).toContain('invalidate');
  await expect(cache.invalidateCommitted(['*'])).rejects.toMatchObject({ code: 'INVALID_TAG' });
});

it('everything is invalidated where it is not known what has changed', async () => {
  const { cache, fetch, source } = await newFaultyWorld();
  await fetch({ tags: ['products'] });
  source.gives('new');
  await cache.invalidateCommitted('everything');
  expect(await fetch({ tags: ['products'] })).toBe('new');
});

it('while it cannot be delivered, nothing is read from the store or stored there; it is tried again until it is', async () => {
  const { cache, clock, fetch, source, faulty, trace } = await newFaultyWorld(['dropTokens']);
  await fetch({ tags: ['products'] });
  trace.take();
  source.gives('new');
  faulty.health = 'failing';
  await cache.invalidateCommitted(['products']);
  expect(trace.text).toContain('invalidation-pending');
  faulty.calls.length = 0;
  // The store still has the old value, and would return it.
  expect(await fetch({ tags: ['products'] })).toBe('new');
  expect(await fetch({ args: { id: 2 }, tags: ['other'] })).toBe('new');
  expect(faulty.calls.filter((call) => call !== 'dropTokens')).toEqual([]);
  // A second one is added to it.
  await cache.invalidateCommitted(['reviews']);
  clock.advance(250);
  await tick();
  expect(trace.count('invalidation-delivered')).toBe(0);
  faulty.health = 'well';
  await advanceUntil(clock, 250, () => trace.count('invalidation-delivered') > 0);
  // Each is an event, for caches that hang on this one.
  const pending = trace.events.flatMap((event) => (event.type === 'invalidation-pending' ? [event.tags] : []));
  expect(pending).toEqual([['products'], ['reviews']]);
  expect(trace.count('invalidate')).toBe(1);
  expect(await fetch({ tags: ['products'] })).toBe('new');
  await fetch({ tags: ['products'] });
  expect(trace.text).toMatch(/hit$/);
});

it('a change that is committed while an attempt runs is not taken for delivered with it', async () => {
  const { cache, clock, faulty, trace } = await newFaultyWorld(['dropTokens']);
  faulty.health = 'failing';
  await cache.invalidateCommitted(['products']);
  faulty.health = 'mute';
  clock.advance(250);
  await tick();
  // The attempt has dropped the token, and waits for the reply; the second change fails meanwhile.
  faulty.health = 'failing';
  await cache.invalidateCommitted(['products']);
  faulty.calls.length = 0;
  faulty.answerAll();
  await tick();
  expect(trace.count('invalidation-delivered')).toBe(0);
  faulty.health = 'well';
  await advanceUntil(clock, 250, () => trace.count('invalidation-delivered') > 0);
  expect(faulty.calls).toContain('dropTokens');
});

it('a revalidation does not ask the store meanwhile either', async () => {
  const { cache, outcome, faulty } = await newFaultyWorld(['dropTokens']);
  await outcome({ tags: ['products'] });
  const { entryRef } = await outcome({ tags: ['products'] });
  expect(entryRef).toBeDefined();
  const refs = entryRef === undefined ? [] : [entryRef];
  expect(await cache.revalidate(refs)).toHaveLength(1);
  faulty.health = 'failing';
  await cache.invalidateCommitted(['products']);
  expect(await cache.revalidate(refs)).toBeUndefined();
});

it('a closed cache tries no more', async () => {
  const { cache, clock, faulty } = await newFaultyWorld(['dropTokens']);
  faulty.health = 'failing';
  await cache.invalidateCommitted(['products']);
  await cache.close();
  faulty.calls.length = 0;
  clock.advance(10_000);
  await tick();
  expect(faulty.calls).toEqual([]);
});
