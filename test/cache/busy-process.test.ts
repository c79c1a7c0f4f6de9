// A process that is busy with its own work does not take Redis for slow: it reads late what has arrived in time.
import { expect, inject, it, onTestFinished } from 'vitest';
import { createRedisStore } from '../../src/cache/index.ts';
import { ResponsiveClock } from '../../src/cache/store/responsive-clock.ts';
import { startTestRedis } from '../support/redis.ts';
import { newSickWorld, type SickWorld } from './store/sick-store.ts';
import { newNamespace, TestClock, times, turn } from './world.ts';

/** A turn of the event loop that takes so long; whatever timers are due run before a reply is read. */
async function busyTurn({ clock }: SickWorld, ms: number): Promise<void> {
  await turn();
  clock.stall(ms);
  clock.advance(0);
  await turn();
}

it('reads each reply of a fetch after a turn of 300 ms, loads under the lease and stores', async () => {
  const world = await newSickWorld();
  const { fetch, sick, trace } = world;
  await fetch({ field: 'Query.other' });
  trace.take();
  sick.calls.length = 0;
  sick.health = 'silent';
  const fetching = fetch();
  for (const _ of times(3, Number)) {
    await busyTurn(world, 300);
    sick.answerAll();
  }
  expect(await fetching).toBe('value');
  expect(sick.calls).toEqual(['read', 'acquire', 'fill']);
  expect(trace.text).toBe('load write miss');
});

it('waits for one load in another process, though every turn of its own takes 80 ms', async () => {
  const world = await newSickWorld();
  const { fetch, sick, store, source, trace } = world;
  await fetch({ field: 'Query.other' });
  trace.take();
  const request = { stampsDigest: '', leaseMs: 60_000, rejectedEntryId: undefined, takenOver: undefined, tags: [] };
  const key = world.cache.key({ field: 'Query.field' }).text;
  await store.acquire(key, { ...request, lease: 'l'.repeat(22) });
  sick.health = 'silent';
  const way = { isAnswered: false };
  const fetching = fetch().finally(() => (way.isAnswered = true));
  for (const _ of times(20, Number)) {
    await busyTurn(world, 80);
    sick.answerAll();
  }
  expect(way.isAnswered).toBe(false);
  void store.release(key, { lease: 'l'.repeat(22), openMs: 0 });
  while (!way.isAnswered) {
    await busyTurn(world, 80);
    sick.answerAll();
  }
  expect(await fetching).toBe('value');
  expect(source.loads).toBe(2);
  expect(trace.text).toBe('load write miss');
});

it('gives up a store that does not answer in as many busy turns as there are in 100 ms', async () => {
  const world = await newSickWorld(['read']);
  const { fetch, sick, trace } = world;
  await fetch({ field: 'Query.other' });
  sick.health = 'silent';
  const fetching = fetch();
  for (const _ of times(9, Number)) await busyTurn(world, 300);
  expect(trace.count('store-failed')).toBe(0);
  await busyTurn(world, 300);
  expect(trace.count('store-failed')).toBe(1);
  expect(await fetching).toBe('value');
});

it.each([
  ['a command may take', 200],
  ['a silent connection is kept', 1_200],
])('reads what Redis has answered while the process stood still for longer than %s', async (_, ms) => {
  const address = inject('redisSocketPath');
  const store = await createRedisStore({ address, namespace: newNamespace(), deadlineMs: 20 });
  onTestFinished(() => store.close());
  const pinged = store.ping(); // is sent before this returns
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
  await expect(pinged).resolves.toBeUndefined();
  await expect(store.ping()).resolves.toBeUndefined();
});

it('gives a command of a busy process as many turns as a fetch, so that none is given up before its fetch', async () => {
  const server = await startTestRedis();
  onTestFinished(() => server.stop());
  const clock = new TestClock();
  const store = await createRedisStore({ address: server.socketPath, namespace: 'shop', deadlineMs: 100, clock });
  onTestFinished(() => store.close());
  server.kill('SIGSTOP');
  const pinged = store.ping();
  for (const _ of times(5, Number)) {
    await turn();
    clock.stall(300);
    clock.advance(0);
  }
  server.kill('SIGCONT');
  await expect(pinged).resolves.toBeUndefined();
});

it('counts the time of a responsive process to the millisecond, and stands still while nothing waits', () => {
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
