// A process that is busy with its own work does not consider Redis slow: it reads late what has arrived in time.
import { expect, inject, it, onTestFinished } from 'vitest';
import { createRedisStore } from '../../src/cache/index.ts';
import { ResponsiveClock } from '../../src/cache/store/responsive-clock.ts';
import { startTestRedis } from '../support/redis.ts';
import { newFaultyWorld, type FaultyWorld } from './store/faulty-store.ts';
import { newNamespace, TestClock, times, tick } from './world.ts';

/** A tick of the event loop that takes `ms`. Timers that have become due run before a reply is read. */
async function busyTick({ clock }: FaultyWorld, ms: number): Promise<void> {
  await tick();
  clock.stall(ms);
  clock.advance(0);
  await tick();
}

it('accepts each reply of a fetch after a tick of 300 ms, loads under the lease and stores', async () => {
  const world = await newFaultyWorld();
  const { fetch, faulty: faultyStore, trace } = world;
  await fetch({ field: 'Query.other' });
  trace.take();
  faultyStore.calls.length = 0;
  faultyStore.health = 'silent';
  const fetching = fetch();
  for (const _ of times(3, Number)) {
    await busyTick(world, 300);
    faultyStore.answerAll();
  }
  expect(await fetching).toBe('value');
  expect(faultyStore.calls).toEqual(['read', 'acquire', 'fill']);
  expect(trace.text).toBe('load write miss');
});

it('waits for the lease of another process although each of its own ticks takes 80 ms', async () => {
  const world = await newFaultyWorld();
  const { fetch, faulty: faultyStore, store, source, trace } = world;
  await fetch({ field: 'Query.other' });
  trace.take();
  const request = { stampsDigest: '', leaseMs: 60_000, rejectedEntryId: undefined, takenOver: undefined, tags: [] };
  const key = world.cache.key({ field: 'Query.field' }).text;
  await store.acquire(key, { ...request, lease: 'l'.repeat(22) });
  faultyStore.health = 'silent';
  const state = { isAnswered: false };
  const fetching = fetch().finally(() => (state.isAnswered = true));
  for (const _ of times(20, Number)) {
    await busyTick(world, 80);
    faultyStore.answerAll();
  }
  expect(state.isAnswered).toBe(false);
  void store.release(key, { lease: 'l'.repeat(22), openMs: 0 });
  while (!state.isAnswered) {
    await busyTick(world, 80);
    faultyStore.answerAll();
  }
  expect(await fetching).toBe('value');
  expect(source.loads).toBe(2);
  expect(trace.text).toBe('load write miss');
});

it('gives up on a store that has not replied after ten busy ticks', async () => {
  const world = await newFaultyWorld(['read']);
  const { fetch, faulty: faultyStore, trace } = world;
  await fetch({ field: 'Query.other' });
  faultyStore.health = 'silent';
  const fetching = fetch();
  for (const _ of times(9, Number)) await busyTick(world, 300);
  expect(trace.count('store-failed')).toBe(0);
  await busyTick(world, 300);
  expect(trace.count('store-failed')).toBe(1);
  expect(await fetching).toBe('value');
});

it.each([
  ['the deadline of a command', 200],
  ['the limit of a silent connection', 1_200],
])('reads a reply that arrived while the process was blocked for longer than %s', async (_, ms) => {
  const address = inject('redisSocketPath');
  const store = await createRedisStore({ address, namespace: newNamespace(), deadlineMs: 20 });
  onTestFinished(() => store.close());
  const pinged = store.ping(); // sent before the call returns
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
  await expect(pinged).resolves.toBeUndefined();
  await expect(store.ping()).resolves.toBeUndefined();
});

// A command has as many ticks as its fetch, so that it does not fail before the fetch does.
it('accepts the reply to a command after five busy ticks', async () => {
  const server = await startTestRedis();
  onTestFinished(() => server.stop());
  const clock = new TestClock();
  const store = await createRedisStore({ address: server.socketPath, namespace: 'shop', deadlineMs: 100, clock });
  onTestFinished(() => store.close());
  server.kill('SIGSTOP');
  const pinged = store.ping();
  for (const _ of times(5, Number)) {
    await tick();
    clock.stall(300);
    clock.advance(0);
  }
  server.kill('SIGCONT');
  await expect(pinged).resolves.toBeUndefined();
});

it('counts the time of a responsive process to the millisecond, and stops while no task waits', () => {
  const clock = new TestClock();
  const responsive = new ResponsiveClock(clock);
  clock.advance(1_000);
  expect(responsive.nowMs()).toBe(0);
  const run: number[] = [];
  const note = (): void => void run.push(clock.nowMs());
  responsive.after(100, note);
  clock.advance(33);
  const cancel = responsive.after(2, note);
  responsive.after(12, note);
  cancel();
  clock.advance(200);
  expect(run).toEqual([1_045, 1_100]);
  expect(clock.pending).toBe(0);
  expect(responsive.nowMs()).toBe(100);
});
