// The memory tier on a real Redis: what it serves, what it never serves, and when it stops serving.
import { expect, describe, it, onTestFinished } from 'vitest';
import type { TokenListener, TrackTokens } from '../../../src/cache/store/token-tracking.ts';
import { createMemoryStore, createRedisStore } from '../../../src/cache/index.ts';
import { newTcpProxy } from '../../support/tcp-proxy.ts';
import { startTestRedis, type TestRedis } from '../../support/redis.ts';
import { pollUntil } from '../processes.ts';
import { FaultyStore } from '../store/faulty-store.ts';
import { advanceUntil, newWorld, redisClient, times, type FetchCall, type World } from '../world.ts';

const memoryBytesMax = 1_000_000;
const tags = ['products'];

function newMemoryWorld(options: { namespace?: string } = {}): Promise<World> {
  return newWorld('redis', { ...options, memoryBytesMax });
}

/** Advances the clock until the memory tier is coherent, or is not. */
async function untilCoherent({ cache, clock }: World, isCoherent = true): Promise<void> {
  clock.advance(100);
  await advanceUntil(clock, 100, () => cache.memory?.isCoherent === isCoherent);
}

/** Fetches until memory serves the value: a new token is reported as a change, so it is learned from a later read. */
async function untilInMemory(world: World, options: FetchCall = {}): Promise<void> {
  await untilCoherent(world);
  await expect.poll(async () => (await world.outcome({ tags, ...options })).tier, { interval: 2 }).toBe('memory');
}

/** Two worlds on one Redis, each of them like a process. */
async function newPair(): Promise<{ one: World; two: World }> {
  const one = await newMemoryWorld();
  return { one, two: await newMemoryWorld({ namespace: one.namespace }) };
}

describe('a value that was read from Redis', () => {
  it('is then served from memory, and reported as a hit of that tier', async () => {
    const world = await newMemoryWorld();
    const { outcome, clock, trace } = world;
    await untilInMemory(world);
    clock.advance(400);
    trace.take();
    expect(await outcome({ tags })).toMatchObject({ value: 'value', state: 'hit', tier: 'memory' });
    expect(trace.events).toMatchObject([{ type: 'hit', tier: 'memory' }]);
  });

  it('is kept even if the preceding fetches of its field were misses', async () => {
    const { one, two } = await newPair();
    const options = { tags, args: { id: 'there' } };
    await one.fetch(options);
    await untilInMemory(two, { field: 'Query.other' });
    for (const id of times(4, Number)) await two.fetch({ tags, args: { id } });
    two.trace.take();
    expect(await two.outcome(options)).toMatchObject({ state: 'hit', tier: 'redis' });
    expect(await two.outcome(options)).toMatchObject({ state: 'hit', tier: 'memory' });
  });

  it('is the same frozen object for all readers if it is plain data', async () => {
    const world = await newMemoryWorld();
    const { fetch, source } = world;
    source.gives({ list: [{ deep: 1 }], big: 1n, nothing: null, gone: undefined });
    await untilInMemory(world);
    const [a, b] = [await fetch({ tags }), await fetch({ tags })];
    expect(a).toBe(b);
    expect(a).toEqual({ list: [{ deep: 1 }], big: 1n, nothing: null, gone: undefined });
    expect(() => (a as { list: { deep: number }[] }).list.forEach((item) => (item.deep = 2))).toThrow(TypeError);
    expect(() => (a as { list: unknown[] }).list.push(1)).toThrow(TypeError);
  });

  it('is copied for each reader if it contains objects that cannot be frozen', async () => {
    const world = await newMemoryWorld();
    const { fetch, source } = world;
    const value = { list: [{ at: new Date(1) }], bytes: Buffer.from('a'), map: new Map([[1, new Set([2])]]) };
    source.gives(value);
    await untilInMemory(world);
    const a = (await fetch({ tags })) as typeof value;
    a.list[0]?.at.setTime(2);
    a.bytes[0] = 0;
    a.map.clear();
    expect(await fetch({ tags })).toEqual(value);
  });

  it('neither freezes nor shares the object that the load returned', async () => {
    const world = await newMemoryWorld();
    const value = { changes: 0 };
    world.source.gives(value);
    await untilInMemory(world);
    value.changes += 1;
    expect(await world.fetch({ tags })).toEqual({ changes: 0 });
  });

  it('is not served from memory after its TTL has ended', async () => {
    const world = await newMemoryWorld();
    const { outcome, clock } = world;
    await untilInMemory(world, { ttl: '10s' });
    const { ttlMs } = await outcome({ tags, ttl: '10s' });
    for (let leftMs = ttlMs ?? 0; leftMs > 0; leftMs -= 100) clock.advance(100);
    await untilCoherent(world);
    expect(await outcome({ tags, ttl: '10s' })).toMatchObject({ tier: 'redis' });
  });

  it('is not served from memory if the policy is strict', async () => {
    const world = await newMemoryWorld();
    await untilInMemory(world);
    expect(await world.outcome({ tags, strict: true })).toMatchObject({ state: 'hit', tier: 'redis' });
  });

  it('is not read by a bypass or a refresh, and is replaced by the value of the refresh', async () => {
    const world = await newMemoryWorld();
    const { fetch, source } = world;
    await untilInMemory(world);
    source.gives('new');
    expect(await fetch({ tags, mode: 'bypass' })).toBe('new');
    expect(await fetch({ tags })).toBe('value');
    expect(await fetch({ tags, mode: 'refresh' })).toBe('new');
    expect(await fetch({ tags })).toBe('new');
  });

  it('is not served to a request with a tag that it does not depend on', async () => {
    const world = await newMemoryWorld();
    await untilInMemory(world);
    expect(await world.outcome({ tags: ['others'] })).toMatchObject({ state: 'miss' });
  });

  it('is not served from memory to a fetch inside a load', async () => {
    const world = await newMemoryWorld();
    await untilInMemory(world);
    const load = async (): Promise<string | null> => (await world.outcome({ tags })).tier;
    expect(await world.fetch({ field: 'Query.outer', load })).toBe('redis');
  });

  it('is served whatever the order of the requested tags, `__proto__` among them', async () => {
    const world = await newMemoryWorld();
    await untilInMemory(world, { tags: ['__proto__', 'products:1'] });
    expect(await world.outcome({ tags: ['products:1', '__proto__'] })).toMatchObject({ tier: 'memory' });
  });
});

describe('after an invalidation, the memory tier', () => {
  it('serves no older value in the process that has invalidated', async () => {
    const world = await newMemoryWorld();
    const { cache, fetch, source } = world;
    for (const version of times(20, (index) => `version ${index}`)) {
      await untilInMemory(world);
      source.gives(version);
      await (version.endsWith('7') ? cache.flush() : cache.invalidate(tags));
      expect(await fetch({ tags })).toBe(version);
    }
  });

  it('keeps no older value for requests that were reading meanwhile', async () => {
    const world = await newMemoryWorld();
    const { cache, fetch, source } = world;
    await untilInMemory(world);
    const reads = times(50, (id) => fetch({ tags, strict: id % 2 === 0, args: { id: id % 3 } }));
    const invalidated = cache.invalidate(tags);
    reads.push(...times(50, (id) => fetch({ tags, args: { id: id % 3 } })));
    await invalidated;
    source.gives('new');
    const later = Promise.all(times(3, (id) => fetch({ tags, args: { id } })));
    // The earlier reads may still be loading, and hold the leases.
    await pollUntil(Promise.all([later, ...reads]), world);
    expect(await later).toEqual(['new', 'new', 'new']);
    expect(await fetch({ tags, args: { id: 1 } })).toBe('new');
  });

  it('serves no older value even if Redis could not be reached', async () => {
    const server = await newServer();
    const world = await newServerWorld(server);
    await untilInMemory(world);
    server.kill('SIGKILL');
    await expect(world.cache.invalidate(tags)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    world.source.gives('new');
    expect(await world.fetch({ tags })).toBe('new');
  });

  it.each<[string, (world: World) => Promise<unknown>]>([
    ['a tag was invalidated', ({ cache }) => cache.invalidate(tags)],
    ['everything was flushed', ({ cache }) => cache.flush()],
    ['the value was refreshed', ({ fetch }) => fetch({ tags, mode: 'refresh' })],
  ])('serves no older value in another process once a later heartbeat is received, if %s', async (_, act) => {
    const { one, two } = await newPair();
    await untilInMemory(one);
    await untilInMemory(two);
    two.source.gives('new');
    await act(two);
    one.source.gives('new');
    one.clock.advance(500);
    await untilCoherent(one);
    expect(await one.fetch({ tags })).toBe('new');
  });

  it('serves no older value if Redis was emptied', async () => {
    const server = await newServer();
    const world = await newServerWorld(server);
    const client = await redisClient(server.socketPath);
    await untilInMemory(world);
    await client.flushall();
    world.source.gives('new');
    world.clock.advance(500);
    await untilCoherent(world);
    expect(await world.fetch({ tags })).toBe('new');
  });

  it('keeps the values of other tags', async () => {
    const { one, two } = await newPair();
    await untilInMemory(one);
    await untilInMemory(one, { tags: ['others'], field: 'Query.other' });
    await two.cache.invalidate(tags);
    one.clock.advance(500);
    await untilCoherent(one);
    expect(await one.outcome({ tags: ['others'], field: 'Query.other' })).toMatchObject({ tier: 'memory' });
  });
});

describe('the memory tier', () => {
  it('stops serving when no heartbeat was received for half a second, and resumes after the next one', async () => {
    const world = await newMemoryWorld();
    const { clock, outcome } = world;
    await untilInMemory(world);
    await untilCoherent(world);
    for (const _ of times(5, Number)) clock.advance(100); // the heartbeats of these are not received within this tick
    expect(await outcome({ tags })).toMatchObject({ tier: 'redis' });
    await untilInMemory(world);
  });

  it('stops serving when one of its connections is cut, and resumes after it has reconnected', async () => {
    const server = await newServer();
    const world = await newServerWorld(server);
    const client = await redisClient(server.socketPath);
    for (const type of ['pubsub', 'normal', 'pubsub']) {
      await untilInMemory(world);
      const cut = world.trace.next('memory-incoherent');
      await client.call('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes');
      await cut;
      await client.unlink('shop:tag:products');
      world.source.gives(`after ${type}`);
      await untilCoherent(world);
      expect(await world.fetch({ tags })).toBe(`after ${type}`);
    }
  });

  it('stops serving when its connection is half open, and resumes over another one', async () => {
    const server = await newServer();
    const proxy = await newTcpProxy(server.socketPath);
    const world = await newServerWorld(server, proxy.port);
    await untilInMemory(world);
    const client = await redisClient(server.socketPath);
    proxy.silenceTrackers();
    await client.unlink('shop:tag:products');
    world.source.gives('new');
    await untilCoherent(world, false);
    expect(await world.fetch({ tags })).toBe('new');
    await untilInMemory(world);
    expect(await world.fetch({ tags })).toBe('new');
  });

  it('serves nothing if Redis refuses tracking, reports that once, and tries again after a minute', async () => {
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
    await untilInMemory(world);
  });

  it('serves no older value after the store was unavailable, and resumes', async () => {
    const server = await newServer();
    const world = await newServerWorld(server);
    const { cache, clock, fetch, source, trace } = world;
    await untilInMemory(world);
    server.kill('SIGKILL');
    for (const id of times(30, Number)) await fetch({ args: { id } });
    expect(trace.count('breaker-opened')).toBe(1);
    await server.restart();
    await advanceUntil(clock, 250, () => trace.count('breaker-closed') > 0);
    source.gives('new');
    expect(await fetch({ tags })).toBe('new');
    await untilInMemory(world);
    expect(cache.memory?.bytes).toBeGreaterThan(0);
  });

  it('stops serving when the circuit closes, as changes may have been missed', async () => {
    const listeners: TokenListener[] = [];
    const track: TrackTokens = (listener) => {
      listeners.push(listener);
      return { sendHeartbeat: async () => {}, reconnect() {}, close() {} };
    };
    const store = Object.assign(new FaultyStore(createMemoryStore({ namespace: 'shop' })), { track });
    const { cache, clock, fetch, trace } = await newWorld(store, { memoryBytesMax });
    for (const listener of listeners) {
      listener.onConnected();
      listener.onHeartbeat(1);
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

it('stays within its byte limit, and evicts the least recently used values first', async () => {
  const world = await newMemoryWorld();
  const { cache, outcome, source } = world;
  source.gives('x'.repeat(10_000));
  await untilInMemory(world);
  const args = times(200, (id) => ({ id }));
  for (const each of [...args, ...args]) await world.fetch({ tags, args: each });
  expect(cache.memory?.bytes).toBeGreaterThan(memoryBytesMax / 2);
  expect(cache.memory?.bytes).toBeLessThanOrEqual(memoryBytesMax);
  await untilCoherent(world);
  expect(await outcome({ tags, args: { id: 199 } })).toMatchObject({ tier: 'memory' });
  expect(await outcome({ tags, args: { id: 0 } })).toMatchObject({ tier: 'redis' });
});

it('does not keep a value that is larger than the byte limit', async () => {
  const world = await newMemoryWorld();
  world.source.gives('x'.repeat(memoryBytesMax));
  await untilCoherent(world);
  for (const _ of times(3, Number)) await world.fetch({ tags });
  expect(await world.outcome({ tags })).toMatchObject({ state: 'hit', tier: 'redis' });
});

it('opens no connection and sets no heartbeat if the byte limit is 0', async () => {
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

it('closes its connection when the cache is closed', async () => {
  const server = await newServer();
  const client = await redisClient(server.socketPath);
  const world = await newServerWorld(server);
  await untilInMemory(world);
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

/** @param port The port of a proxy, used instead of the socket of the server. */
async function newServerWorld(server: TestRedis, port?: number, user = ''): Promise<World> {
  const address = port === undefined ? server.socketPath : `redis://${user}127.0.0.1:${port}`;
  const store = await createRedisStore({ address, namespace: 'shop', deadlineMs: 20_000 });
  return newWorld(store, { memoryBytesMax });
}
