import { expect, it } from 'vitest';
import { createMemoryStore } from '../../../src/cache/index.ts';
import { describeStore } from './store-contract.ts';
import { TestClock, times } from '../world.ts';

describeStore('memory', async () => {
  const clock = new TestClock();
  return {
    store: createMemoryStore({ namespace: 'shop', clock }),
    namespace: 'shop',
    expire: async () => clock.advance(60_000),
    expireLease: async () => clock.advance(60_000),
    passes: async (_, ms) => clock.advance(ms),
  };
});

it('expires a value at the end of its TTL by the clock, to the millisecond', async () => {
  const clock = new TestClock();
  const store = createMemoryStore({ namespace: 'shop', clock });
  await store.write('shop:a', { text: 'text', ttlMs: 1_000, tags: [] });
  clock.advance(999);
  expect(await store.read('shop:a', ['*'])).toMatchObject({ text: 'text', remainingMs: 1 });
  clock.advance(1);
  expect(await store.read('shop:a', ['*'])).toMatchObject({ text: undefined, remainingMs: 0 });
});

it('keeps a token longer than any value that is stamped with it, and a capture renews it', async () => {
  const clock = new TestClock();
  const store = createMemoryStore({ namespace: 'shop', clock });
  const [token] = await store.capture(['a']);
  clock.advance(86_400_000);
  expect(await store.capture(['a'])).toEqual([token]);
  clock.advance(2 * 86_400_000 - 1);
  expect((await store.read('shop:a', ['a'])).tokens).toEqual([token]);
  clock.advance(1);
  expect((await store.read('shop:a', ['a'])).tokens).toEqual([undefined]);
});

it('stays within bytesMax, and evicts the least recently used value first', async () => {
  const store = createMemoryStore({ namespace: 'shop', bytesMax: 100_000, clock: new TestClock() });
  await store.write('shop:used', { text: 'x', ttlMs: 60_000, tags: [] });
  for (const index of times(2_000, (n) => n)) {
    await store.write(`shop:${index}`, { text: 'x'.repeat(100), ttlMs: 60_000, tags: [] });
    await store.read('shop:used', ['*']);
  }
  const { keys, memoryUsed } = await store.usage();
  expect(memoryUsed).toBeLessThanOrEqual(100_000);
  expect(keys).toBeGreaterThan(50);
  expect((await store.read('shop:used', ['*'])).text).toBe('x');
  expect((await store.read('shop:0', ['*'])).text).toBeUndefined();
});

it('limits the bytes of tokens too, so that a million tags do not fill the memory of the process', async () => {
  const store = createMemoryStore({ namespace: 'shop', bytesMax: 80_000, clock: new TestClock() });
  for (const index of times(2_000, (n) => n)) await store.capture([`products:${index}`]);
  expect((await store.usage()).memoryUsed).toBeLessThanOrEqual(10_000);
});

it('keeps neither a value that is larger than bytesMax nor the one that it would have replaced', async () => {
  const store = createMemoryStore({ namespace: 'shop', bytesMax: 10_000, clock: new TestClock() });
  await store.write('shop:a', { text: 'small', ttlMs: 60_000, tags: [] });
  await store.write('shop:a', { text: 'x'.repeat(10_000), ttlMs: 60_000, tags: [] });
  expect((await store.read('shop:a', ['*'])).text).toBeUndefined();
});

it('a load without a lease is not stored if its key has changed, although many others have changed since', async () => {
  const store = createMemoryStore({ namespace: 'shop' });
  const request = { lease: '', stampsDigest: '', leaseMs: 1_000, takenOver: undefined, rejectedEntryId: undefined };
  const { changeId } = await store.acquire('shop:k', { ...request, tags: [], isUnleased: true });
  await store.remove(['shop:k']);
  await store.remove(times(10_000, (index) => `shop:${index}`));
  expect(await store.write('shop:k', { text: 'old', ttlMs: 60_000, tags: [], changeId })).toBeUndefined();
});
