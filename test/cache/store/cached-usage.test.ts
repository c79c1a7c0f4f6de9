// How often the store is scanned for what it holds.
import { expect, it } from 'vitest';
import { CachedUsage } from '../../../src/cache/store/cached-usage.ts';
import type { StoreUsage } from '../../../src/cache/index.ts';
import { TestClock, tick, withResolvers } from '../world.ts';

interface World {
  readonly usage: CachedUsage;
  readonly clock: TestClock;
  /** The counts that were begun, in order. */
  readonly counts: { resolve: (value: StoreUsage) => void; reject: (error: Error) => void }[];
}

function newWorld(): World {
  const clock = new TestClock();
  const counts: World['counts'] = [];
  const ask = (): Promise<StoreUsage> => {
    const { promise, ...count } = withResolvers<StoreUsage>();
    counts.push(count);
    return promise;
  };
  return { usage: new CachedUsage(ask, clock), clock, counts };
}

const holds = (keys: number): StoreUsage => ({ keys, memoryUsed: 1 });

it('has one count at a time, however long it takes, whose result is kept for two seconds', async () => {
  const { usage, clock, counts } = newWorld();
  const asked = [usage.get()];
  await tick();
  clock.advance(60_000);
  asked.push(usage.get());
  await tick();
  expect(counts).toHaveLength(1);
  counts[0]?.resolve(holds(1));
  expect(await Promise.all(asked)).toEqual([holds(1), holds(1)]);
  clock.advance(1_999);
  expect(await usage.get()).toEqual(holds(1));
  clock.advance(1);
  const next = usage.get();
  await tick();
  counts[1]?.resolve(holds(2));
  expect(await next).toEqual(holds(2));
});

it('counts again after a flush, once the count that runs has ended', async () => {
  const { usage, counts } = newWorld();
  const before = usage.get();
  await tick();
  usage.forget();
  const after = usage.get();
  await tick();
  expect(counts).toHaveLength(1);
  counts[0]?.resolve(holds(7));
  expect(await before).toEqual(holds(7));
  await tick();
  counts[1]?.resolve(holds(0));
  expect(await after).toEqual(holds(0));
  expect(await usage.get()).toEqual(holds(0));
});

it('keeps no failure', async () => {
  const { usage, counts } = newWorld();
  const failed = usage.get();
  await tick();
  counts[0]?.reject(new Error('away'));
  await expect(failed).rejects.toThrow('away');
  const next = usage.get();
  await tick();
  counts[1]?.resolve(holds(3));
  expect(await next).toEqual(holds(3));
});
