// The memory tier over a store that says what the test wants, when it wants: orders that a real Redis shows once in a while.
import { Redis } from 'ioredis';
import { expect, inject, it, onTestFinished } from 'vitest';
import type { TokenListener, TrackTokens } from '../../../src/cache/store/token-tracking.ts';
import { createMemoryStore } from '../../../src/cache/index.ts';
import { MemoryTier } from '../../../src/cache/memory/memory-tier.ts';
import type { CachedEntry } from '../../../src/cache/entry/entry.ts';
import { trackTokens } from '../../../src/cache/store/redis/tracking.ts';
import { SickStore } from '../store/sick-store.ts';
import { newNamespace, newWorld, redisClient, TestClock, times } from '../world.ts';

const entry = { value: 'value', freshMs: 1_000, loadMs: 1, stamps: { '*': '1' } };

/** A way to listen that hears of nothing but its first probe. */
function newDeafTracking(): { track: TrackTokens; begin: () => void } {
  const heard: TokenListener[] = [];
  const track: TrackTokens = (ears) => {
    heard.push(ears);
    return { sendHeartbeat: async () => {}, reconnect() {}, close() {} };
  };
  const begin = (): void => {
    for (const ears of heard) {
      ears.onConnected();
      ears.onHeartbeat(1);
    }
  };
  return { track, begin };
}

function found(key: string): CachedEntry {
  const held = { ...entry, key, field: 'Query.field', entryId: '', textBytes: 0 };
  return { entry, remainingMs: 400, entryRef: held };
}

function newTier(): { tier: MemoryTier; clock: TestClock; ticket: NonNullable<ReturnType<MemoryTier['ticket']>> } {
  const { track, begin } = newDeafTracking();
  const clock = new TestClock();
  const tier = new MemoryTier(track, { bytesMax: 100_000, clock, emit() {} });
  onTestFinished(() => tier.close());
  begin();
  const ticket = tier.ticket();
  if (ticket === undefined) throw new Error('nothing can be kept');
  return { tier, clock, ticket };
}

it('a value ends when its time is over, counted from when it was asked for and not from when the answer came', () => {
  const { tier, clock, ticket } = newTier();
  clock.advance(100);
  tier.keep(ticket, found('key'));
  expect(tier.get('key', ['*'], clock.nowMs())?.remainingMs).toBe(300);
});

it('a value that was read before a newer one was stored is not kept', () => {
  const { tier, clock, ticket } = newTier();
  tier.drop('key');
  tier.keep(ticket, found('key'));
  expect(tier.get('key', ['*'], clock.nowMs())).toBeUndefined();
  tier.keep(ticket, found('other'));
  expect(tier.get('other', ['*'], clock.nowMs())?.entry.value).toBe('value');
});

it('nothing older is read after an invalidation by this process, though the store has not told of it as yet', async () => {
  const { track, begin } = newDeafTracking();
  const store = Object.assign(new SickStore(createMemoryStore({ namespace: 'shop' })), { track });
  const { cache, fetch, source, clock } = await newWorld(store, { memoryBytesMax: 100_000 });
  begin();
  const tags = ['products'];
  for (const _ of times(3, Number)) await fetch({ tags });
  await cache.invalidate(tags);
  source.gives('new');
  expect(await fetch({ tags })).toBe('new');
  for (const _ of times(2, Number)) await fetch({ tags });
  source.gives('newer');
  await cache.flush();
  expect(await fetch({ tags })).toBe('newer');
  expect(clock.nowMs()).toBe(0);
});

it('is deaf as soon as one of the two connections ends, and listens again when both are up', async () => {
  const namespace = newNamespace();
  const redis = new Redis(inject('redisSocketPath'), { protocol: 2, lazyConnect: true });
  await redis.connect();
  onTestFinished(() => redis.disconnect());
  const client = await redisClient();
  const said: string[] = [];
  const ears: TokenListener = {
    onConnected: () => said.push('listening'),
    onDisconnected: () => said.push('deaf'),
    onChanged: (tags) => said.push(...(tags ?? ['all'])),
    onReplaced: (key) => said.push(`replaced ${key}`),
    onHeartbeat: (probe) => said.push(`heard ${probe}`),
    onRefused: () => said.push('refused'),
  };
  const prefix = `${namespace}:tag:`;
  let database = (): void => {};
  let isKnown = true;
  const parts = {
    reach: () => ({ path: inject('redisSocketPath') }),
    prefix,
    redis,
    async setHeartbeat(key: string, ttlMs: number) {
      await redis.set(key, '', 'PX', ttlMs);
      return isKnown;
    },
    onDatabase(listener: () => void) {
      database = listener;
      return () => {};
    },
  };
  const tracking = trackTokens(parts, ears);
  onTestFinished(() => tracking.close());
  await expect.poll(() => said).toEqual(['listening']);
  await client.client('KILL', 'ID', await redis.client('ID'));
  await expect.poll(() => said).toEqual(['listening', 'deaf', 'listening']);
  tracking.reconnect();
  await expect.poll(() => said).toEqual(['listening', 'deaf', 'listening', 'deaf', 'listening']);
  said.length = 0;

  await client.mset(`${prefix}a`, '1', `${prefix}!=key`, '', `${prefix}!other:1`, '');
  await tracking.sendHeartbeat(7);
  await expect.poll(() => said).toEqual(['a', 'replaced key', 'heard 7']);

  said.length = 0;
  isKnown = false;
  await tracking.sendHeartbeat(8);
  database();
  isKnown = true;
  await tracking.sendHeartbeat(9);
  await expect.poll(() => said).toEqual(['listening', 'heard 9']);
});
