// A process reads from its store again only when the feed has caught up with what changed during an outage.
import { expect, it, onTestFinished, vi } from 'vitest';
import { createCache, createPolicy, createRedisStore } from '../../../src/cache/index.ts';
import { CatchUp } from '../../../src/kysely-cache/feed/catch-up.ts';
import { FaultyStore } from '../../cache/store/faulty-store.ts';
import { TestClock, tick } from '../../cache/world.ts';
import { startTestRedis } from '../../support/redis.ts';
import { feedWorld, memoryStore, patience } from './feed-world.ts';

const setUp = 'create table a (id int primary key, n int default 0); insert into a select generate_series(1, 9)';

it('what changed while Redis was away is not returned from it afterwards', async () => {
  const redis = await startTestRedis();
  onTestFinished(() => redis.stop());
  const world = await feedWorld(setUp);
  const store = () => createRedisStore({ address: redis.socketPath, namespace: 'feed', deadlineMs: 100 });
  const reader = await world.process({ store: await store(), deadlineMs: 100 });
  const processes = [reader, await world.process({ store: await store(), deadlineMs: 100 })];
  let n = 0;
  const read = async ({ cache }: (typeof processes)[number]): Promise<unknown> =>
    await cache.fetch(cache.key({ field: 'Query.a' }), createPolicy('Query.a', { ttl: '1h', tags: ['a'] }), () => n);
  await world.settled(reader);
  for (const process of processes) expect(await read(process)).toBe(0);
  const openCircuits = new Set<unknown>();
  for (const { cache } of processes)
    cache.on(({ type }) => void (type === 'breaker-opened' && openCircuits.add(cache)));
  redis.kill('SIGSTOP');
  await world.run('update a set n = 1');
  n = 1;
  await vi.waitFor(async () => {
    for (const process of processes) await read(process);
    expect(openCircuits.size).toBe(2);
  }, patience);
  redis.kill('SIGCONT');
  // From the first reply on.
  for (let round = 0; round < 200; round += 1) for (const process of processes) expect(await read(process)).toBe(1);
}, 120_000);

it('the process that reads the slot does not read from its store while it cannot invalidate there', async () => {
  const world = await feedWorld(setUp);
  const store = new FaultyStore(memoryStore(), ['dropTokens']);
  const process = await world.process({ store });
  await world.settled(process);
  let n = 0;
  const read = async ({ cache }: typeof process): Promise<unknown> =>
    await cache.fetch(cache.key({ field: 'Query.a' }), createPolicy('Query.a', { ttl: '1h', tags: ['a'] }), () => n);
  expect(await read(process)).toBe(0);
  store.health = 'failing';
  n = 1;
  await world.run('update a set n = 1');
  await vi.waitFor(() => expect(process.feed.status.retries).toBeGreaterThan(0), patience);
  expect(await read(process)).toBe(1);
  store.health = 'well';
  await world.settled(process);
  n = 2;
  expect([await read(process), await read(process)]).toEqual([2, 2]);
  n = 3;
  expect(await read(process)).toBe(2);
});

it('nor after it has stopped to read the slot, until everything is invalidated', async () => {
  const world = await feedWorld(setUp);
  const store = new FaultyStore(memoryStore(), ['dropTokens']);
  const process = await world.process({ store });
  await world.settled(process);
  let n = 0;
  const { cache, feed } = process;
  const read = (): Promise<unknown> =>
    cache.fetch(cache.key({ field: 'Query.a' }), createPolicy('Query.a', { ttl: '1h', tags: ['a'] }), () => n);
  expect(await read()).toBe(0);
  store.health = 'failing';
  n = 1;
  await world.run('update a set n = 1');
  await vi.waitFor(() => expect(feed.status.retries).toBeGreaterThan(0), patience);
  await feed.close();
  expect(await read()).toBe(1);
  const isDelivered = new Promise<void>((resolve) => {
    cache.on(({ type }) => void (type === 'invalidation-delivered' && resolve()));
  });
  store.health = 'well';
  await isDelivered;
  expect(await read()).toBe(1);
});

/** A process whose feed, of another process, records positions in the store when the test says so. */
function newWorld({ isFed = true } = {}) {
  const clock = new TestClock();
  const store = new FaultyStore(memoryStore());
  const cache = createCache({ store, clock, log: false });
  onTestFinished(() => cache.close());
  const state = { isFed, record: 10n as bigint | undefined, position: 20n as bigint | undefined, late: 0 };
  const catchUp = new CatchUp({
    cache,
    clock,
    readPosition: async () => state.position ?? (await Promise.reject(new Error('away'))),
    readRecord: async () => state.record,
    isFed: () => state.isFed,
    onLate: () => void (state.late += 1),
  });
  onTestFinished(() => catchUp.close());
  let loads = 0;
  const policy = createPolicy('Query.a', { ttl: '1h', tags: ['a'] });
  const isCached = async (): Promise<boolean> => {
    const before = loads;
    await cache.fetch(cache.key({ field: 'Query.a' }), policy, () => (loads += 1));
    return loads === before;
  };
  const outage = async (): Promise<void> => {
    await isCached();
    expect(await isCached()).toBe(true);
    cache.emit({ type: 'connection-failed', error: new Error('away') });
    expect(await isCached()).toBe(false);
    cache.emit({ type: 'connection-ready' });
    await tick();
  };
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 20) {
      clock.advance(20);
      await tick();
    }
  };
  return { cache, store, state, isCached, outage, pass };
}

it('reads from the store again as soon as the feed has passed the position of its return', async () => {
  const { state, isCached, outage, pass } = newWorld();
  await outage();
  await pass(1_000);
  expect(await isCached()).toBe(false);
  state.record = 19n;
  await pass(1_000);
  expect(await isCached()).toBe(false);
  state.record = 20n;
  await pass(20);
  expect([await isCached(), state.late]).toEqual([true, 0]);
});

it('invalidates everything if the feed has not passed it within five seconds, and says so', async () => {
  const { cache, state, isCached, outage, pass } = newWorld();
  const invalidated: string[] = [];
  cache.on((event) => void (event.type === 'invalidate' && invalidated.push(...event.tags)));
  await outage();
  await pass(4_980);
  expect([state.late, invalidated]).toEqual([0, []]);
  await pass(40);
  expect([state.late, invalidated]).toEqual([1, ['*']]);
  await isCached();
  expect(await isCached()).toBe(true);
});

it('does so, too, if the database cannot be asked', async () => {
  const { state, outage, pass } = newWorld();
  state.position = undefined;
  state.record = 1_000n;
  await outage();
  await pass(5_020);
  expect(state.late).toBe(1);
});

it('stays away from a store in which everything cannot be invalidated, and tries again', async () => {
  const { store, isCached, outage, pass } = newWorld();
  await outage();
  store.health = 'failing';
  await pass(5_100);
  store.health = 'well';
  expect(await isCached()).toBe(false);
  expect(await isCached()).toBe(false);
  await pass(2_000);
  await isCached();
  expect(await isCached()).toBe(true);
});

it('a second outage begins the wait anew', async () => {
  const { cache, state, isCached, outage, pass } = newWorld();
  await outage();
  cache.emit({ type: 'breaker-opened' });
  state.record = 20n;
  await pass(10_000);
  expect([await isCached(), state.late]).toEqual([false, 0]);
  state.position = 30n;
  cache.emit({ type: 'breaker-closed' });
  await pass(1_000);
  expect(await isCached()).toBe(false);
  state.record = 30n;
  await pass(20);
  expect(await isCached()).toBe(true);
});

it('waits again when the circuit closes, although it has caught up with the connection', async () => {
  const { cache, state, isCached, outage, pass } = newWorld();
  state.record = 20n;
  await outage();
  await pass(20);
  await isCached();
  expect(await isCached()).toBe(true);
  state.position = 30n;
  cache.emit({ type: 'breaker-closed' });
  expect(await isCached()).toBe(false);
  state.record = 30n;
  await pass(20);
  expect(await isCached()).toBe(true);
});

it('does not wait if no feed works', async () => {
  const { isCached, outage } = newWorld({ isFed: false });
  await outage();
  expect(await isCached()).toBe(true);
});
