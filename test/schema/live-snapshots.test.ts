// Snapshots of a cache for as long as somebody watches.
import { expect, it } from 'vitest';
import { createShopConsole } from '../../schema/index.ts';
import { liveSnapshots } from '../../schema/live-snapshots.ts';
import type { Snapshot, Watched } from '../../schema/take-snapshot.ts';
import { CacheStats, type Cache } from '../../src/cache/index.ts';
import { newWorld, TestClock } from '../cache/world.ts';

async function newWatched(): Promise<{ watched: Watched; cache: Cache; clock: TestClock }> {
  const { cache } = await newWorld('memory');
  const clock = new TestClock();
  const shopConsole = createShopConsole(cache, { redisCli: null, privateRedis: undefined, clock });
  return { watched: { cache, cacheStats: new CacheStats(cache), shopConsole }, cache, clock };
}

const happened = ({ events }: Snapshot): string[] => events.map(({ kind, detail }) => `${kind}: ${detail}`);

/** Lets time pass in small steps, with everything that a step leads to, until `result` is there. */
async function inTime<T>(clock: TestClock, result: Promise<T>): Promise<{ value: T; afterMs: number }> {
  const settled = { isSettled: false };
  void result.finally(() => (settled.isSettled = true));
  for (let afterMs = 0; ; afterMs += 50) {
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
    if (settled.isSettled) return { value: await result, afterMs };
    expect(afterMs).toBeLessThan(10_000);
    clock.advance(50);
  }
}

it('gives one at once, and one every second if nothing happens', async () => {
  const { watched, clock } = await newWatched();
  const snapshots = liveSnapshots(watched);
  const first = await inTime(clock, snapshots.next());
  expect([happened(first.value.value), first.afterMs]).toEqual([[], 0]);
  for (let count = 0; count < 3; count += 1) expect((await inTime(clock, snapshots.next())).afterMs).toBe(1_000);
});

it('gives one as soon as something has happened, but at most ten a second', async () => {
  const { watched, cache, clock } = await newWatched();
  const snapshots = liveSnapshots(watched);
  await inTime(clock, snapshots.next());
  const next = snapshots.next();
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  clock.advance(500);
  await cache.invalidate(['a']);
  const second = await inTime(clock, next);
  expect([happened(second.value.value), second.afterMs]).toEqual([['invalidation: a'], 0]);
  await cache.invalidate(['b']);
  await cache.invalidate(['c']);
  const third = await inTime(clock, snapshots.next());
  expect([happened(third.value.value), third.afterMs]).toEqual([['invalidation: b', 'invalidation: c'], 100]);
});

it('loses no event while its consumer is slow, or away', async () => {
  const { watched, cache, clock } = await newWatched();
  const before = liveSnapshots(watched);
  const { value: last } = (await inTime(clock, before.next())).value;
  for (const tag of ['a', 'b']) await cache.invalidate([tag]);
  clock.advance(60_000);
  expect(happened((await inTime(clock, before.next())).value.value)).toEqual(['invalidation: a', 'invalidation: b']);
  await before.return(undefined as never);
  await cache.invalidate(['c']);
  const after = liveSnapshots(watched, last.atMs);
  expect(happened((await inTime(clock, after.next())).value.value)).toEqual([
    'invalidation: a',
    'invalidation: b',
    'invalidation: c',
  ]);
});

it('leaves nothing behind when its consumer leaves while it waits', async () => {
  const { watched, clock } = await newWatched();
  const snapshots = liveSnapshots(watched);
  await inTime(clock, snapshots.next());
  const next = snapshots.next();
  await inTime(clock, Promise.all([next, snapshots.return(undefined as never)]));
  expect(clock.pending).toBe(0);
  expect((await snapshots.next()).done).toBe(true);
});
