// Snapshots of a cache whose store does not say how much it holds.
import { expect, it } from 'vitest';
import { createShopConsole } from '../../schema/index.ts';
import { takeSnapshot, type Watched } from '../../schema/take-snapshot.ts';
import { CacheError, CacheStats, createMemoryStore, type Store } from '../../src/cache/index.ts';
import { newNamespace, newWorld, TestClock } from '../cache/world.ts';

async function watchedWith(usage: Store['usage']): Promise<Watched & { clock: TestClock }> {
  const { cache } = await newWorld({ ...createMemoryStore({ namespace: newNamespace() }), usage });
  const clock = new TestClock();
  const shopConsole = createShopConsole(cache, { redisCli: null, privateRedis: undefined, clock });
  return { cache, cacheStats: new CacheStats(cache), shopConsole, clock };
}

it('is taken without what the store holds if counting that takes more than 500 ms', async () => {
  const watched = await watchedWith(() => new Promise(() => {}));
  const taken = takeSnapshot(watched);
  expect(watched.clock.nextInMs).toBe(500);
  watched.clock.advance(500);
  expect(await taken).toMatchObject({ usage: undefined, isStoreAvailable: true });
});

it('leaves no timer behind', async () => {
  const watched = await watchedWith(async () => ({ keys: 1, memoryUsed: 2 }));
  expect(await takeSnapshot(watched)).toMatchObject({ usage: { keys: 1, memoryUsed: 2 }, isStoreAvailable: true });
  expect(watched.clock.pending).toBe(0);
});

it('says that the store is unavailable if it cannot be asked', async () => {
  const watched = await watchedWith(() => Promise.reject(new CacheError('STORE_UNAVAILABLE', 'away')));
  expect(await takeSnapshot(watched)).toMatchObject({ usage: undefined, isStoreAvailable: false });
});

it('says that the store is available if its user may only not ask how much it holds', async () => {
  const watched = await watchedWith(() => Promise.reject(new CacheError('STORE_REFUSED', 'NOPERM')));
  expect(await takeSnapshot(watched)).toMatchObject({ usage: undefined, isStoreAvailable: true });
});
