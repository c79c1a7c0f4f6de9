// The memory tier on a real Redis: what it gives, what it never gives, and when it holds its tongue.
import { expect, describe, it, onTestFinished } from 'vitest';
import type { TokenListener, TrackTokens } from '../../../src/cache/store/token-tracking.ts';
import { createMemoryStore, createRedisStore } from '../../../src/cache/index.ts';
import { newTcpProxy } from '../../support/tcp-proxy.ts';
import { startTestRedis, type TestRedis } from '../../support/redis.ts';
import { pollUntil } from '../processes.ts';
import { SickStore } from '../store/sick-store.ts';
import { advanceUntil, newWorld, redisClient, times, type Fetching, type World } from '../world.ts';

const memoryBytesMax = 1_000_000;
const tags = ['products'];

function newMemoryWorld(options: { namespace?: string } = {}): Promise<World> {
  return newWorld('redis', { ...options, memoryBytesMax });
}

/** Lets the clock go on until the memory tier answers, or does not. */
async function proven({ cache, clock }: World, isCoherent = true): Promise<void> {
  clock.advance(100);
  await advanceUntil(clock, 100, () => cache.memory?.isCoherent === isCoherent);
}

/** Reads until memory answers: a token that was just made is told of as a change, and is learnt from the next read. */
async function inMemory(world: World, options: Fetching = {}): Promise<void> {
  await proven(world);
  await expect.poll(async () => (await world.outcome({ tags, ...options })).tier, { interval: 2 }).toBe('memory');
}

/** Two processes, as it were, on one Redis. */
async function newPair(): Promise<{ one: World; two: World }> {
  const one = await newMemoryWorld();
  return { one, two: await newMemoryWorld({ namespace: one.namespace }) };
}

describe('a value that was read from Redis', () => {
  it('is given without asking Redis again, and says so', async () => {
    const world = await newMemoryWorld();
    const { outcome, clock, trace } = world;
    await inMemory(world);
    clock.advance(400);
    trace.take();
    expect(await outcome({ tags })).toMatchObject({ value: 'value', state: 'hit', tier: 'memory' });
    expect(trace.events).toMatchObject([{ type: 'hit', tier: 'memory' }]);
  });

  it('is kept also where a miss was expected', async () => {
    const { one, two } = await newPair();
    const asked = { tags, args: { id: 'there' } };
    await one.fetch(asked);
    await inMemory(two, { field: 'Query.other' });
    for (const id of times(4, Number)) await two.fetch({ tags, args: { id } });
    two.trace.take();
    expect(await two.outcome(asked)).toMatchObject({ state: 'hit', tier: 'redis' });
    expect(await two.outcome(asked)).toMatchObject({ state: 'hit', tier: 'memory' });
  });

  it('is the same frozen one for all readers, where it is made of plain data', async () => {
    const world = await newMemoryWorld();
    const { fetch, source } = world;
    source.gives({ list: [{ deep: 1 }], big: 1n, nothing: null, gone: undefined });
    await inMemory(world);
    const [a, b] = [await fetch({ tags }), await fetch({ tags })];
    expect(a).toBe(b);
    expect(a).toEqual({ list: [{ deep: 1 }], big: 1n, nothing: null, gone: undefined });
    expect(() => (a as { list: { deep: number }[] }).list.forEach((item) => (item.deep = 2))).toThrow(TypeError);
    expect(() => (a as { list: unknown[] }).list.push(1)).toThrow(TypeError);
  });

  it('is a copy for each reader, where it holds what cannot be frozen', async () => {
    const world = await newMemoryWorld();
    const { fetch, source } = world;
    const value = { list: [{ at: new Date(1) }], bytes: Buffer.from('a'), map: new Map([[1, new Set([2])]]) };
    source.gives(value);
    await inMemory(world);
    const a = (await fetch({ tags })) as typeof value;
    a.list[0]?.at.setTime(2);
    a.bytes[0] = 0;
    a.map.clear();
    expect(await fetch({ tags })).toEqual(value);
  });

  it('leaves the value alone that a load has given', async () => {
    const world = await newMemoryWorld();
    const value = { changes: 0 };
    world.source.gives(value);
    await inMemory(world);
    value.changes += 1;
    expect(await world.fetch({ tags })).toEqual({ changes: 0 });
  });

  it('ends when its time is over, counted from when it was asked for', async () => {
    const world = await newMemoryWorld();
    const { outcome, clock } = world;
    await inMemory(world, { ttl: '10s' });
    const { ttlMs } = await outcome({ tags, ttl: '10s' });
    for (let leftMs = ttlMs ?? 0; leftMs > 0; leftMs -= 100) clock.advance(100);
    await proven(world);
    expect(await outcome({ tags, ttl: '10s' })).toMatchObject({ tier: 'redis' });
  });

  it('is not read, nor kept, where its policy is strict', async () => {
    const world = await newMemoryWorld();
    await inMemory(world);
    expect(await world.outcome({ tags, strict: true })).toMatchObject({ state: 'hit', tier: 'redis' });
  });

  it('is neither read by a bypass nor by a refresh, and what a refresh brings is read next', async () => {
    const world = await newMemoryWorld();
    const { fetch, source } = world;
    await inMemory(world);
    source.gives('new');
    expect(await fetch({ tags, mode: 'bypass' })).toBe('new');
    expect(await fetch({ tags })).toBe('value');
    expect(await fetch({ tags, mode: 'refresh' })).toBe('new');
    expect(await fetch({ tags })).toBe('new');
  });

  it('is not given to someone who asks for a tag that it does not stand on', async () => {
    const world = await newMemoryWorld();
    await inMemory(world);
    expect(await world.outcome({ tags: ['others'] })).toMatchObject({ state: 'miss' });
  });

  it('is not what a load inside another is given', async () => {
    const world = await newMemoryWorld();
    await inMemory(world);
    const load = async (): Promise<string | null> => (await world.outcome({ tags })).tier;
    expect(await world.fetch({ field: 'Query.outer', load })).toBe('redis');
  });

  it('does not depend on the order in which its stamps are asked for, `__proto__` among them', async () => {
    const world = await newMemoryWorld();
    await inMemory(world, { tags: ['__proto__', 'products:1'] });
    expect(await world.outcome({ tags: ['products:1', '__proto__'] })).toMatchObject({ tier: 'memory' });
  });
});

describe('after an invalidation', () => {
  it('nothing older is read in the process that has invalidated', async () => {
    const world = await newMemoryWorld();
    const { cache, fetch, source } = world;
    for (const version of times(20, (index) => `version ${index}`)) {
      await inMemory(world);
      source.gives(version);
      await (version.endsWith('7') ? cache.flush() : cache.invalidate(tags));
      expect(await fetch({ tags })).toBe(version);
    }
  });

  it('nothing older is kept by who was reading meanwhile', async () => {
    const world = await newMemoryWorld();
    const { cache, fetch, source } = world;
    await inMemory(world);
    const reads = times(50, (id) => fetch({ tags, strict: id % 2 === 0, args: { id: id % 3 } }));
    const invalidated = cache.invalidate(tags);
    reads.push(...times(50, (id) => fetch({ tags, args: { id: id % 3 } })));
    await invalidated;
    source.gives('new');
    const asked = Promise.all(times(3, (id) => fetch({ tags, args: { id } })));
    // What was read meanwhile may still be loading under its leases.
    await pollUntil(Promise.all([asked, ...reads]), world);
    expect(await asked).toEqual(['new', 'new', 'new']);
    expect(await fetch({ tags, args: { id: 1 } })).toBe('new');
  });

  it('nothing older is read here, though Redis could not be reached: memory is as wise as Redis', async () => {
    const server = await newServer();
    const world = await newServerWorld(server);
    await inMemory(world);
    server.kill('SIGKILL');
    await expect(world.cache.invalidate(tags)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    world.source.gives('new');
    expect(await world.fetch({ tags })).toBe('new');
  });

  it.each<[string, (world: World) => Promise<unknown>]>([
    ['a tag was invalidated', ({ cache }) => cache.invalidate(tags)],
    ['everything was flushed', ({ cache }) => cache.flush()],
    ['the value was refreshed', ({ fetch }) => fetch({ tags, mode: 'refresh' })],
  ])('in another process nothing older is read once a later probe is heard, where %s', async (_, act) => {
    const { one, two } = await newPair();
    await inMemory(one);
    await inMemory(two);
    two.source.gives('new');
    await act(two);
    one.source.gives('new');
    one.clock.advance(500);
    await proven(one);
    expect(await one.fetch({ tags })).toBe('new');
  });

  it('by an emptied Redis nothing older is read', async () => {
    const server = await newServer();
    const world = await newServerWorld(server);
    const client = await redisClient(server.socketPath);
    await inMemory(world);
    await client.flushall();
    world.source.gives('new');
    world.clock.advance(500);
    await proven(world);
    expect(await world.fetch({ tags })).toBe('new');
  });

  it('values of other tags stay in memory', async () => {
    const { one, two } = await newPair();
    await inMemory(one);
    await inMemory(one, { tags: ['others'], field: 'Query.other' });
    await two.cache.invalidate(tags);
    one.clock.advance(500);
    await proven(one);
    expect(await one.outcome({ tags: ['others'], field: 'Query.other' })).toMatchObject({ tier: 'memory' });
  });
});

describe('memory holds its tongue', () => {
  it('when no probe was heard for half a second, and speaks again after the next one', async () => {
    const world = await newMemoryWorld();
    const { clock, outcome } = world;
    await inMemory(world);
    await proven(world);
    for (const _ of times(5, Number)) clock.advance(100); // the probes of these are not heard before a turn is over
    expect(await outcome({ tags })).toMatchObject({ tier: 'redis' });
    await inMemory(world);
  });

  it('when its connection is cut, and speaks again after it was made anew', async () => {
    const server = await newServer();
    const world = await newServerWorld(server);
    const client = await redisClient(server.socketPath);
    for (const type of ['pubsub', 'normal', 'pubsub']) {
      await inMemory(world);
      const cut = world.trace.next('memory-incoherent');
      await client.call('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes');
      await cut;
      await client.unlink('shop:tag:products');
      world.source.gives(`after ${type}`);
      await proven(world);
      expect(await world.fetch({ tags })).toBe(`after ${type}`);
    }
  });

  it('when its connection is half open, and speaks again over another one', async () => {
    const server = await newServer();
    const proxy = await newTcpProxy(server.socketPath);
    const world = await newServerWorld(server, proxy.port);
    await inMemory(world);
    const client = await redisClient(server.socketPath);
    proxy.silenceTrackers();
    await client.unlink('shop:tag:products');
    world.source.gives('new');
    await proven(world, false);
    expect(await world.fetch({ tags })).toBe('new');
    await inMemory(world);
    expect(await world.fetch({ tags })).toBe('new');
  });

  it('when Redis does not let it track, says so once, and tries again after a minute', async () => {
    const server = await newServer();
    const client = await redisClient(server.socketPath);
    await client.call('ACL', 'SETUSER', 'shop', 'on', '>secret', '~*', '&*', '+@all', '-client|tracking');
    const proxy = await newTcpProxy(server.socketPath);
    const world = await newServerWorld(server, proxy.port, 'shop:secret@');
    const { clock, outcome, trace, fetch } = world;
    await expect.poll(() => trace.count('tracking-refused')).toBe(1);
    await fetch({ tags });
    for (const _ of times(500, Number)) clock.advance(100);
    expect(await outcome({ tags })).toMatchObject({ state: 'hit', tier: 'redis' });
    expect(trace.count('tracking-refused')).toBe(1);
    await client.call('ACL', 'SETUSER', 'shop', '+client|tracking');
    for (const _ of times(100, Number)) clock.advance(100);
    await inMemory(world);
  });

  it('after the store was away: what was known is asked for anew', async () => {
    const server = await newServer();
    const world = await newServerWorld(server);
    const { cache, clock, fetch, source, trace } = world;
    await inMemory(world);
    server.kill('SIGKILL');
    for (const id of times(30, Number)) await fetch({ args: { id } });
    expect(trace.count('breaker-opened')).toBe(1);
    await server.restart();
    await advanceUntil(clock, 250, () => trace.count('breaker-closed') > 0);
    source.gives('new');
    expect(await fetch({ tags })).toBe('new');
    await inMemory(world);
    expect(cache.memory?.bytes).toBeGreaterThan(0);
  });

  it('after the store was left alone, until a probe that is set then is heard', async () => {
    const heard: TokenListener[] = [];
    const track: TrackTokens = (ears) => {
      heard.push(ears);
      return { sendHeartbeat: async () => {}, reconnect() {}, close() {} };
    };
    const store = Object.assign(new SickStore(createMemoryStore({ namespace: 'shop' })), { track });
    const { cache, clock, fetch, trace } = await newWorld(store, { memoryBytesMax });
    for (const ears of heard) {
      ears.onConnected();
      ears.onHeartbeat(1);
    }
    expect(cache.memory?.isCoherent).toBe(true);
    store.health = 'failing';
    for (const id of times(30, Number)) await fetch({ args: { id } });
    store.health = 'well';
    const isBack = trace.next('breaker-closed');
    clock.advance(250);
    await isBack;
    expect(cache.memory?.isCoherent).toBe(false);
  });
});

it('stays within its bytes, the values used least recently going first', async () => {
  const world = await newMemoryWorld();
  const { cache, outcome, source } = world;
  source.gives('x'.repeat(10_000));
  await inMemory(world);
  const args = times(200, (id) => ({ id }));
  for (const each of [...args, ...args]) await world.fetch({ tags, args: each });
  expect(cache.memory?.bytes).toBeGreaterThan(memoryBytesMax / 2);
  expect(cache.memory?.bytes).toBeLessThanOrEqual(memoryBytesMax);
  await proven(world);
  expect(await outcome({ tags, args: { id: 199 } })).toMatchObject({ tier: 'memory' });
  expect(await outcome({ tags, args: { id: 0 } })).toMatchObject({ tier: 'redis' });
});

it('does not keep a value that is larger than all its bytes', async () => {
  const world = await newMemoryWorld();
  world.source.gives('x'.repeat(memoryBytesMax));
  await proven(world);
  for (const _ of times(3, Number)) await world.fetch({ tags });
  expect(await world.outcome({ tags })).toMatchObject({ state: 'hit', tier: 'redis' });
});

it('makes no connection and sets no probe where it has no bytes', async () => {
  const server = await newServer();
  const client = await redisClient(server.socketPath);
  const store = await createRedisStore({ address: server.socketPath, namespace: 'shop', deadlineMs: 20_000 });
  const world = await newWorld(store);
  for (const _ of times(20, Number)) world.clock.advance(100);
  await world.fetch({ tags });
  expect(world.cache.memory).toBeUndefined();
  expect(
    String(await client.client('LIST'))
      .trim()
      .split('\n'),
  ).toHaveLength(2);
  expect((await client.keys('*')).filter((key) => /^shop:tag:!(?!db$)/.test(key))).toEqual([]);
});

it('lets go of its connection when the cache is closed', async () => {
  const server = await newServer();
  const client = await redisClient(server.socketPath);
  const world = await newServerWorld(server);
  await inMemory(world);
  await world.cache.close();
  await expect
    .poll(
      async () =>
        String(await client.client('LIST'))
          .trim()
          .split('\n').length,
    )
    .toBe(1);
  expect(world.clock.pending).toBe(0);
});

async function newServer(): Promise<TestRedis> {
  const server = await startTestRedis();
  onTestFinished(() => server.stop());
  return server;
}

/** @param port Of a proxy, in the place of the server's own socket. */
async function newServerWorld(server: TestRedis, port?: number, user = ''): Promise<World> {
  const address = port === undefined ? server.socketPath : `redis://${user}127.0.0.1:${port}`;
  const store = await createRedisStore({ address, namespace: 'shop', deadlineMs: 20_000 });
  return newWorld(store, { memoryBytesMax });
}
