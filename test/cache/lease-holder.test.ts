// How the holder of a lease renews and ends it, what a fetch costs, and leases in a Redis that loses or refuses them.
import { describe, expect, it, onTestFinished } from 'vitest';
import { createMemoryStore, createRedisStore } from '../../src/cache/index.ts';
import { startTestRedis } from '../support/redis.ts';
import { holding, isWaiting, newProcesses, poll, pollUntil, tags } from './processes.ts';
import { newFaultyWorld, FaultyStore } from './store/faulty-store.ts';
import { newWorld, redisClient, TestClock, times, tick, withResolvers, type HeldLoad, type World } from './world.ts';

describe('the holder of a lease', () => {
  // Both processes have one clock, which is also that of the store.
  const afterLoadingFor = async (ms: number): Promise<{ one: World; two: World; held: HeldLoad }> => {
    const clock = new TestClock();
    const store = createMemoryStore({ namespace: 'shop', clock });
    const [one, two] = [await newWorld(store, { clock }), await newWorld(store, { clock })];
    const { held } = await holding(one);
    // In steps, so that every call is answered before its deadline.
    for (let passedMs = 0; passedMs < ms; passedMs += 50) {
      clock.advance(50);
      await tick();
    }
    return { one, two, held };
  };

  it('renews the lease while it loads', async () => {
    const { two, held } = await afterLoadingFor(10_800);
    const waiting = two.fetch({ tags });
    await isWaiting(two);
    held.give('value');
    await pollUntil(waiting, two);
    expect(await waiting).toBe('value');
    expect(two.source.loads).toBe(0);
  });

  it('loses the lease after a minute: another process loads, and the late value is not stored', async () => {
    const { one, two, held } = await afterLoadingFor(61_000);
    two.source.gives('new');
    expect(await two.fetch({ tags })).toBe('new');
    const refused = one.trace.next('write-refused');
    held.give('late');
    await refused;
    expect(await two.fetch({ tags })).toBe('new');
  });

  it('leaves no timer behind after its load has ended or failed', async () => {
    const { one, two, held } = await afterLoadingFor(1_000);
    held.give('value');
    await one.trace.next('miss');
    one.source.fails(new Error('no rows'));
    await expect(two.fetch({ field: 'Query.other', load: one.source.load })).rejects.toThrow();
    await tick();
    expect(one.clock.pending).toBe(0);
  });
});

it('limits the waiting requests of one process to about ten lease requests per millisecond in total', async () => {
  const clock = new TestClock();
  const memory = createMemoryStore({ namespace: 'shop', clock });
  const faultyStore = new FaultyStore(memory);
  const [one, two] = [await newWorld(memory, { clock }), await newWorld(faultyStore, { clock })];
  const ids = times(500, Number);
  await one.fetch({ field: 'Query.other' });
  const held = ids.map(() => one.source.hold());
  const loading = ids.map((id) => one.fetch({ args: { id } }));
  await Promise.all(held.map(({ begun }) => begun));
  const waiting = ids.map((id) => two.fetch({ args: { id } }));
  await tick();
  const acquireCalls = (): number => faultyStore.calls.filter((call) => call === 'acquire').length;
  expect(acquireCalls()).toBe(500);
  for (const _ of times(200, Number)) {
    clock.advance(1);
    await tick();
  }
  expect(acquireCalls() - 500).toBeGreaterThan(1_000);
  expect(acquireCalls() - 500).toBeLessThan(2_100);
  for (const { give } of held) give('value');
  await Promise.all(loading);
  await pollUntil(Promise.all(waiting), two);
  expect(two.source.loads).toBe(0);
});

describe('a closed cache', () => {
  it('releases its leases, so that other processes do not wait for them to expire', async () => {
    const { one, two } = await newProcesses();
    const { held } = await holding(one);
    const waiting = two.fetch({ tags });
    await isWaiting(two);
    await one.cache.close();
    await poll(two);
    expect(await waiting).toBe('of two');
    expect(two.trace.text).toBe('load write miss');
    held.give('late');
  });

  it('ends its waits for leases, after which the requests load', async () => {
    const { one, two } = await newProcesses();
    const { held } = await holding(one);
    const waiting = two.fetch({ tags });
    await isWaiting(two);
    await two.cache.close();
    expect(await waiting).toBe('of two');
    expect(two.clock.pending).toBe(0);
    held.give('value');
  });
});

describe('a fetch', () => {
  it('makes one store call on a hit, and three on a miss', async () => {
    const faultyStore = new FaultyStore(createMemoryStore({ namespace: 'shop' }));
    const { fetch } = await newWorld(faultyStore);
    await fetch({ field: 'Query.other' }); // creates the token of `*`
    faultyStore.calls.length = 0;
    await fetch();
    expect(faultyStore.calls).toEqual(['read', 'acquire', 'fill']);
    await fetch();
    expect(faultyStore.calls.slice(3)).toEqual(['read']);
  });

  it('sends exactly the expected Redis commands on a miss and on a hit', async () => {
    const server = await startTestRedis();
    onTestFinished(() => server.stop());
    const [client, clock] = [await redisClient(server.socketPath), new TestClock()];
    const store = await createRedisStore({ address: server.socketPath, namespace: 'shop', deadlineMs: 20_000, clock });
    const { fetch } = await newWorld(store, { clock });
    await fetch({ field: 'Query.other' }); // loads the scripts, and creates the token of `*`
    const commandsOf = async (run: () => Promise<unknown>): Promise<string[]> => {
      await client.config('RESETSTAT');
      await run();
      const lines = (await client.info('commandstats')).matchAll(/cmdstat_([\w|]+):calls=(\d+)/g);
      const counted = [...lines].filter(([, name = '']) => !/config|info/.test(name));
      return counted.map(([, name, calls]) => `${name}×${calls}`).toSorted();
    };
    // GETRANGE instead of GET: no reply can be larger than expected.
    const miss = ['del×1', 'evalsha×5', 'getrange×11', 'pttl×3', 'set×2', 'strlen×1'];
    expect(await commandsOf(() => fetch())).toEqual(miss);
    expect(await commandsOf(() => fetch())).toEqual(['evalsha×1', 'getrange×3', 'pttl×1']);
  });
});

describe('a lease in Redis', () => {
  it('is acquired and filled after Redis has lost the scripts', async () => {
    const { one, client, lease } = await newProcesses();
    const { held, first } = await holding(one);
    await client.script('FLUSH');
    held.give('value');
    await first;
    await client.script('FLUSH');
    expect(await one.fetch({ field: 'Query.other', tags })).toBe('value');
    expect(one.trace.text).toBe('load write miss load write miss');
    expect(await client.exists(lease)).toBe(0);
  });

  it('replaces a value of another type at its key, and is lost if such a value replaces it', async () => {
    const { one, client, lease } = await newProcesses();
    await client.hset(lease, 'field', 'value');
    const { held, first } = await holding(one);
    expect(await client.type(lease)).toBe('string');
    await client.unlink(lease);
    await client.hset(lease, 'field', 'value');
    held.give('value');
    expect(await first).toBe('value');
    expect(one.trace.text).toBe('load write-refused(lease-lost) miss');
    await client.unlink(lease);
  });

  it('replaces a text without a TTL at its key, and is gone after the fetch', async () => {
    const { one, client, lease } = await newProcesses();
    await client.set(lease, 'anything');
    expect(await one.fetch({ tags })).toBe('value');
    expect(await client.exists(lease)).toBe(0);
  });

  it('is skipped if the ACL denies its key: the value is returned, not stored, and the fault reported', async () => {
    const server = await startTestRedis();
    onTestFinished(() => server.stop());
    const client = await redisClient(server.socketPath);
    const store = await createRedisStore({ address: server.socketPath, namespace: 'shop', deadlineMs: 20_000 });
    const { fetch, trace } = await newWorld(store);
    await client.acl('SETUSER', 'default', 'resetkeys', '~shop:*');
    expect(await fetch()).toBe('value');
    expect(trace.text).toBe('store-failed load miss');
    expect(trace.events[0]).toMatchObject({ error: { message: expect.stringContaining('NOPERM') as string } });
  });

  it('is released if Redis has no memory left for the fill', async () => {
    const server = await startTestRedis();
    onTestFinished(() => server.stop());
    const client = await redisClient(server.socketPath);
    const store = await createRedisStore({ address: server.socketPath, namespace: 'shop', deadlineMs: 20_000 });
    const one = await newWorld(store);
    const { held, first } = await holding(one);
    await client.config('SET', 'maxmemory', '1');
    held.give('value');
    expect(await first).toBe('value');
    expect(one.trace.text).toBe('load store-failed miss');
    expect(await client.keys('*lease*')).toEqual([]);
  });
});

describe('a request that arrives after an invalidation', () => {
  it.each([
    ['fill', 'use'],
    ['write', 'refresh'],
  ] as const)('does not receive the value of a load whose %s was sent before the invalidation', async (call, mode) => {
    const { fetch, faulty: faultyStore, source, store } = await newFaultyWorld([call]);
    const { promise: isCalled, resolve } = withResolvers<void>();
    faultyStore.onCall = (name) => void (name === call && resolve());
    faultyStore.health = 'mute';
    const before = fetch({ tags, mode });
    await isCalled;
    await tick();
    await store.dropTokens(tags); // as another process does before it acknowledges an invalidation
    faultyStore.health = 'well';
    source.gives('new');
    const after = fetch({ tags });
    await tick();
    faultyStore.answerAll();
    expect(await before).toBe('value');
    expect(await after).toBe('new');
  });

  it('does not receive a value of another process that was read before the invalidation', async () => {
    const clock = new TestClock();
    const memory = createMemoryStore({ namespace: 'shop', clock });
    const faultyStore = new FaultyStore(memory, ['acquire']);
    const [one, two] = [await newWorld(memory, { clock }), await newWorld(faultyStore, { clock })];
    const { held, first } = await holding(one);
    const before = two.fetch({ tags });
    await isWaiting(two);
    held.give('value');
    await first;
    faultyStore.health = 'mute';
    await poll(two);
    await tick();
    await memory.dropTokens(tags);
    faultyStore.health = 'well';
    two.source.gives('new');
    const after = two.fetch({ tags });
    await tick();
    faultyStore.answerAll();
    expect(await before).toBe('value');
    expect(await after).toBe('new');
  });
});
