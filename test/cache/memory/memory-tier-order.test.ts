// The memory tier over a store that the test controls: orders of events that a real Redis shows only occasionally.
import { Redis } from 'ioredis';
import { expect, inject, it, onTestFinished } from 'vitest';
import type { TokenListener, TrackTokens } from '../../../src/cache/store/token-tracking.ts';
import { createMemoryStore } from '../../../src/cache/index.ts';
import { noCodecs } from '../../../src/cache/entry/class-codecs.ts';
import { MemoryTier } from '../../../src/cache/memory/memory-tier.ts';
import type { CachedEntry } from '../../../src/cache/entry/entry.ts';
import { trackTokens } from '../../../src/cache/store/redis/tracking.ts';
import { FaultyStore } from '../store/faulty-store.ts';
import { newNamespace, newWorld, redisClient, TestClock, times } from '../world.ts';

const entry = { value: 'value', freshMs: 1_000, staleMs: 0, loadMs: 1, stamps: { '*': '1' } };

/** Tracking that reports nothing but its first heartbeat. */
function newSilentTracking(): { track: TrackTokens; begin: () => void } {
  const listeners: TokenListener[] = [];
  const track: TrackTokens = (listener) => {
    listeners.push(listener);
    return { sendHeartbeat: async () => {}, reconnect() {}, close() {} };
  };
  const begin = (): void => {
    for (const listener of listeners) {
      listener.onConnected();
      listener.onHeartbeat(1);
    }
  };
  return { track, begin };
}

function found(key: string): CachedEntry {
  const entryRef = { ...entry, key, field: 'Query.field', entryId: '', textBytes: 0 };
  return { entry, remainingMs: 400, entryRef };
}

function newTier(): { tier: MemoryTier; clock: TestClock; ticket: NonNullable<ReturnType<MemoryTier['ticket']>> } {
  const { track, begin } = newSilentTracking();
  const clock = new TestClock();
  const tier = new MemoryTier(track, { bytesMax: 100_000, clock, emit() {}, codecs: noCodecs, onChanged() {} });
  onTestFinished(() => tier.close());
  begin();
  const ticket = tier.ticket();
  if (ticket === undefined) throw new Error('nothing can be kept');
  return { tier, clock, ticket };
}

it('counts the remaining TTL of a value from when its read was sent, not from the reply', () => {
  const { tier, clock, ticket } = newTier();
  clock.advance(100);
  tier.keep(ticket, found('key'));
  expect(tier.get('key', ['*'], clock.nowMs())?.remainingMs).toBe(300);
});

it('does not keep a value that was read before a newer one was stored', () => {
  const { tier, clock, ticket } = newTier();
  tier.drop('key');
  tier.keep(ticket, found('key'));
  expect(tier.get('key', ['*'], clock.nowMs())).toBeUndefined();
  tier.keep(ticket, found('other'));
  expect(tier.get('other', ['*'], clock.nowMs())?.entry.value).toBe('value');
});

it('serves no older value after an invalidation by its process that the store has not reported yet', async () => {
  const { track, begin } = newSilentTracking();
  const store = Object.assign(new FaultyStore(createMemoryStore({ namespace: 'shop' })), { track });
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

it('tracking reports when one of the two connections ends, and when both are up again', async () => {
  const namespace = newNamespace();
  const redis = new Redis(inject('redisSocketPath'), { protocol: 2, lazyConnect: true });
  await redis.connect();
  onTestFinished(() => redis.disconnect());
  const client = await redisClient();
  const reports: string[] = [];
  const listener: TokenListener = {
    onConnected: () => reports.push('listening'),
    onDisconnected: () => reports.push('deaf'),
    onChanged: (tags) => reports.push(...(tags ?? ['all'])),
    onReplaced: (key) => reports.push(`replaced ${key}`),
    onHeartbeat: (number) => reports.push(`heard ${number}`),
    onRefused: () => reports.push('refused'),
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
    onDatabase(changed: () => void) {
      database = changed;
      return () => {};
    },
  };
  const tracking = trackTokens(parts, listener);
  onTestFinished(() => tracking.close());
  await expect.poll(() => reports).toEqual(['listening']);
  await client.client('KILL', 'ID', await redis.client('ID'));
  await expect.poll(() => reports).toEqual(['listening', 'deaf', 'listening']);
  tracking.reconnect();
  await expect.poll(() => reports).toEqual(['listening', 'deaf', 'listening', 'deaf', 'listening']);
  reports.length = 0;

  await client.mset(`${prefix}a`, '1', `${prefix}!=key`, '', `${prefix}!other:1`, '');
  await tracking.sendHeartbeat(7);
  await expect.poll(() => reports).toEqual(['a', 'replaced key', 'heard 7']);

  reports.length = 0;
  isKnown = false;
  await tracking.sendHeartbeat(8);
  database();
  isKnown = true;
  await tracking.sendHeartbeat(9);
  await expect.poll(() => reports).toEqual(['listening', 'heard 9']);
});
