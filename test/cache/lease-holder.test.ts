// What the holder of a lease owes to the others, and what a fetch costs.
import { describe, expect, it, onTestFinished } from 'vitest';
import { createMemoryStore, createRedisStore } from '../../src/cache/index.ts';
import { startTestRedis } from '../support/redis.ts';
import { holding, isWaiting, newProcesses, poll, pollUntil, tags } from './processes.ts';
import { newSickWorld, SickStore } from './store/sick-store.ts';
import { newWorld, redisClient, TestClock, times, turn, withResolvers, type HeldLoad, type World } from './world.ts';

describe('on one clock, the holder', () => {
  const afterLoadingFor = async (ms: number): Promise<{ one: World; two: World; held: HeldLoad }> => {
    const clock = new TestClock();
    const store = createMemoryStore({ namespace: 'shop', clock });
    const [one, two] = [await newWorld(store, { clock }), await newWorld(store, { clock })];
    const { held } = await holding(one);
    // By steps, so that what was asked is answered before its deadline has passed.
    for (let passedMs = 0; passedMs < ms; passedMs += 50) {
      clock.advance(50);
      await turn();
    }
    return { one, two, held };
  };

  it('renews its lease while it loads', async () => {
    const { two, held } = await afterLoadingFor(10_800);
    const waiting = two.fetch({ tags });
    await isWaiting(two);
    held.give('value');
    await pollUntil(waiting, two);
    expect(await waiting).toBe('value');
    expect(two.source.loads).toBe(0);
  });

  it('is not waited for after a minute, and is refused then', async () => {
    const { one, two, held } = await afterLoadingFor(61_000);
    two.source.gives('new');
    expect(await two.fetch({ tags })).toBe('new');
    const refused = one.trace.next('write-refused');
    held.give('late');
    await refused;
    expect(await two.fetch({ tags })).toBe('new');
  });

  it('leaves no timer behind when its load has ended', async () => {
    const { one, two, held } = await afterLoadingFor(1_000);
    held.give('value');
    await one.trace.next('miss');
    one.source.fails(new Error('no rows'));
    await expect(two.fetch({ field: 'Query.other', load: one.source.load })).rejects.toThrow();
    await turn();
    expect(one.clock.pending).toBe(0);
  });
});

it('many who wait in one process ask for ten a millisecond at most, all of them together', async () => {
  const clock = new TestClock();
  const memory = createMemoryStore({ namespace: 'shop', clock });
  const sick = new SickStore(memory);
  const [one, two] = [await newWorld(memory, { clock }), await newWorld(sick, { clock })];
  const ids = times(500, Number);
  await one.fetch({ field: 'Query.other' });
  const held = ids.map(() => one.source.hold());
  const loading = ids.map((id) => one.fetch({ args: { id } }));
  await Promise.all(held.map(({ begun }) => begun));
  const waiting = ids.map((id) => two.fetch({ args: { id } }));
  await turn();
  const asked = (): number => sick.calls.filter((call) => call === 'acquire').length;
  expect(asked()).toBe(500);
  for (const _ of times(200, Number)) {
    clock.advance(1);
    await turn();
  }
  expect(asked() - 500).toBeGreaterThan(1_000);
  expect(asked() - 500).toBeLessThan(2_100);
  for (const { give } of held) give('value');
  await Promise.all(loading);
  await pollUntil(Promise.all(waiting), two);
  expect(two.source.loads).toBe(0);
});

describe('a cache that is closed', () => {
  it('gives its leases back, so that nobody waits for them to run out', async () => {
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

  it('ends its waits: they load for themselves', async () => {
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

describe('a fetch asks the store', () => {
  it('once where the value is there, and for a value that is not three times', async () => {
    const sick = new SickStore(createMemoryStore({ namespace: 'shop' }));
    const { fetch } = await newWorld(sick);
    await fetch({ field: 'Query.other' }); // the token of `*` stands
    sick.calls.length = 0;
    await fetch();
    expect(sick.calls).toEqual(['read', 'acquire', 'fill']);
    await fetch();
    expect(sick.calls.slice(3)).toEqual(['read']);
  });

  it('with few commands, all of them bounded', async () => {
    const server = await startTestRedis();
    onTestFinished(() => server.stop());
    const [client, clock] = [await redisClient(server.socketPath), new TestClock()];
    const store = await createRedisStore({ address: server.socketPath, namespace: 'shop', deadlineMs: 20_000, clock });
    const { fetch } = await newWorld(store, { clock });
    await fetch({ field: 'Query.other' }); // the scripts are known, and the token of `*` stands
    const commandsOf = async (run: () => Promise<unknown>): Promise<string[]> => {
      await client.config('RESETSTAT');
      await run();
      const lines = (await client.info('commandstats')).matchAll(/cmdstat_([\w|]+):calls=(\d+)/g);
      const mine = [...lines].filter(([, name = '']) => !/config|info/.test(name));
      return mine.map(([, name, calls]) => `${name}×${calls}`).toSorted();
    };
    const miss = ['del×1', 'evalsha×5', 'getrange×10', 'pttl×3', 'set×2', 'strlen×1'];
    expect(await commandsOf(() => fetch())).toEqual(miss);
    expect(await commandsOf(() => fetch())).toEqual(['evalsha×1', 'getrange×3', 'pttl×1']);
  });
});

describe('the lease in a Redis', () => {
  it('that has forgotten the scripts is taken and filled all the same', async () => {
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

  it('is taken where something of another type stands at its key, and lost where that takes its place', async () => {
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

  it('that has no end is not for ever', async () => {
    const { one, client, lease } = await newProcesses();
    await client.set(lease, 'anything');
    expect(await one.fetch({ tags })).toBe('value');
    expect(await client.exists(lease)).toBe(0);
  });

  it('that is not allowed by its access list is done without: the value is answered, not stored, and it is said', async () => {
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

  it('where there is no room for the value any more ends with the fill that is refused', async () => {
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

describe('who boards after the proof was asked for', () => {
  it.each([
    ['fill', 'use'],
    ['write', 'refresh'],
  ] as const)(
    'reads for himself: an invalidation may come while the answer to the %s is on its way',
    async (call, mode) => {
      const { fetch, sick, source, store } = await newSickWorld([call]);
      const { promise: isCalled, resolve } = withResolvers<void>();
      sick.onCall = (name) => void (name === call && resolve());
      sick.health = 'mute';
      const before = fetch({ tags, mode });
      await isCalled;
      await turn();
      await store.dropTokens(tags); // as another process does, which then says so
      sick.health = 'well';
      source.gives('new');
      const after = fetch({ tags });
      await turn();
      sick.answerAll();
      expect(await before).toBe('value');
      expect(await after).toBe('new');
    },
  );

  it('reads for himself where another process has loaded', async () => {
    const clock = new TestClock();
    const memory = createMemoryStore({ namespace: 'shop', clock });
    const sick = new SickStore(memory, ['acquire']);
    const [one, two] = [await newWorld(memory, { clock }), await newWorld(sick, { clock })];
    const { held, first } = await holding(one);
    const before = two.fetch({ tags });
    await isWaiting(two);
    held.give('value');
    await first;
    sick.health = 'mute';
    await poll(two);
    await turn();
    await memory.dropTokens(tags);
    sick.health = 'well';
    two.source.gives('new');
    const after = two.fetch({ tags });
    await turn();
    sick.answerAll();
    expect(await before).toBe('value');
    expect(await after).toBe('new');
  });
});
