// A real Redis server that is killed, hangs or is full while it is used.
import { describe, expect, it, onTestFinished } from 'vitest';
import { createRedisStore, type Store } from '../../../../src/cache/index.ts';
import { makeFolder } from '../../../../src/embedded/index.ts';
import { startTestRedis, type TestRedis } from '../../../support/redis.ts';
import { newTcpProxy } from '../../../support/tcp-proxy.ts';
import { advanceUntil, newWorld, redisClient, TestClock, times, tick, type World } from '../../world.ts';

interface RedisWorld extends World {
  readonly server: TestRedis;
}

/** The deadline of a command is long, so that a busy machine does not look like a faulty Redis. */
async function newRedisWorld(): Promise<RedisWorld> {
  const server = await startTestRedis();
  onTestFinished(() => server.stop());
  const store = await createRedisStore({ address: server.socketPath, namespace: 'shop', deadlineMs: 20_000 });
  return { ...(await newWorld(store, { namespace: 'shop' })), server };
}

/** Makes requests for different keys, each in its own tick, until the circuit opens; none fails. */
async function openBreaker({ fetch, trace, clock }: World): Promise<void> {
  const seen: Promise<unknown>[] = [];
  for (const id of times(30, Number)) {
    seen.push(fetch({ args: { id }, tags: ['products'] }));
    await tick();
  }
  clock.advance(100); // for calls that receive no reply
  expect(await Promise.all(seen)).toEqual(times(30, () => 'value'));
  expect(trace.count('breaker-opened')).toBe(1);
}

/** Advances the clock until a ping closes the circuit, which succeeds once the connection is up again. */
async function closeBreaker({ clock, trace }: World): Promise<void> {
  await advanceUntil(clock, 250, () => trace.count('breaker-closed') > 0);
}

async function closeBreakerIfOpen(world: World): Promise<void> {
  if (world.trace.count('breaker-opened') > world.trace.count('breaker-closed')) await closeBreaker(world);
}

/** Lets the pending command be sent, and its deadline pass. */
async function sendAndTimeOut({ clock }: World): Promise<void> {
  for (const _ of times(5, Number)) await tick();
  clock.advance(100);
}

/** Waits for the connection, which is replaced if the machine let more than a second pass. */
async function expectReachable(store: Store): Promise<void> {
  const isReached = (): Promise<boolean> =>
    store.ping().then(
      () => true,
      () => false,
    );
  await expect.poll(isReached).toBe(true);
}

async function expectCached({ fetch, source, trace }: World): Promise<void> {
  trace.take();
  source.gives('cached again');
  const args = { after: 'the outage' };
  expect(await fetch({ args })).toBe('cached again');
  expect(await fetch({ args })).toBe('cached again');
  expect(trace.text).toBe('load write miss hit');
}

it('answers every request while Redis is down, rejects a flush, and caches again when Redis is back', async () => {
  const world = await newRedisWorld();
  const { fetch, cache, server, source, trace } = world;
  await fetch({ tags: ['products'] });
  server.kill('SIGKILL');
  await openBreaker(world);
  await expect(cache.flush()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  await expect(cache.invalidate(['products'])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  await expect(cache.usage()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  source.gives('value');
  expect(await fetch({ tags: ['products'] })).toBe('value');

  trace.take();
  await server.restart();
  await closeBreaker(world);
  await expectCached(world);
});

it('answers requests whose Redis dies during their load', async () => {
  const { fetch, server, source, outcome } = await newRedisWorld();
  const held = source.hold();
  const fetching = [fetch(), outcome()];
  await held.begun;
  server.kill('SIGKILL');
  held.give('value');
  expect(await fetching[0]).toBe('value');
  expect(await fetching[1]).toMatchObject({ value: 'value', ageMs: null, ttlMs: null });
});

it('answers every request while Redis hangs, and caches again when it continues', async () => {
  const world = await newRedisWorld();
  const { cache, server } = world;
  server.kill('SIGSTOP');
  await openBreaker(world);
  await expect(cache.flush()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  server.kill('SIGCONT');
  await closeBreaker(world);
  await expectCached(world);
});

it('returns no value that a hung Redis stores late under an invalidated token', async () => {
  const world = await newRedisWorld();
  const { fetch, cache, server, source, trace } = world;
  const client = await redisClient(server.socketPath);
  const held = source.hold();
  const before = fetch({ tags: ['products'], mode: 'refresh' });
  await held.begun;
  server.kill('SIGSTOP');
  held.give('old');
  await sendAndTimeOut(world);
  expect(await before).toBe('old');
  expect(trace.text).toBe('load store-failed refresh');
  server.kill('SIGCONT');
  // Redis has executed the SET that had timed out.
  await expect.poll(() => client.exists('shop:Query:field')).toBe(1);
  await expectReachable(world.store);

  await cache.invalidate(['products']);
  source.gives('new');
  expect(await fetch({ tags: ['products'] })).toBe('new');
});

it('does not extend the TTL of a value that a hung Redis stores late', async () => {
  const world = await newRedisWorld();
  const { fetch, server, source } = world;
  const client = await redisClient(server.socketPath);
  const held = source.hold();
  const fetching = fetch({ ttl: '60s', mode: 'refresh' });
  await held.begun;
  server.kill('SIGSTOP');
  held.give('value');
  await sendAndTimeOut(world);
  await fetching;
  const sentMs = Date.now();
  await expect.poll(() => Date.now() - sentMs).toBeGreaterThan(200);
  server.kill('SIGCONT');
  await expect.poll(() => client.exists('shop:Query:field')).toBe(1);
  expect(await client.pexpiretime('shop:Query:field')).toBeLessThan(sentMs + 60_000 + 100);
});

it('answers every request while Redis is full, serves its entries, and caches again when there is room', async () => {
  const world = await newRedisWorld();
  const { fetch, server, source, trace, outcome } = world;
  const client = await redisClient(server.socketPath);
  await fetch({ field: 'Query.before', tags: ['products'] });
  await client.config('SET', 'maxmemory', '1');
  source.gives('value');
  trace.take();
  for (const id of times(5, Number)) expect(await fetch({ args: { id } })).toBe('value');
  expect(trace.count('store-failed')).toBe(1); // for a second after that, no new value is sent
  expect(await outcome({ field: 'Query.before', tags: ['products'] })).toMatchObject({ state: 'hit' });
  await Promise.all(times(30, (id) => fetch({ args: { other: id } })));
  expect(trace.count('breaker-opened')).toBe(0);
  expect(await outcome({ field: 'Query.before', tags: ['products'] })).toMatchObject({ state: 'hit' });

  await client.config('SET', 'maxmemory', '0');
  world.clock.advance(1_000);
  await expectCached(world);
});

describe('a Redis server that has become read-only', () => {
  interface ReadOnlyWorld extends World {
    readonly connections: () => number;
    /** Fetches a new key, which Redis refuses to store, and waits for the expected number of new connections. */
    readonly expectNotStored: (newConnections: 0 | 1) => Promise<void>;
    readonly passSecond: () => Promise<void>;
  }

  async function newReadOnlyWorld(address: string): Promise<ReadOnlyWorld> {
    const clock = new TestClock();
    let connections = 0;
    const onReady = (): void => void (connections += 1);
    const store = await createRedisStore({ address, namespace: 'shop', deadlineMs: 20_000, clock, onReady });
    const world = await newWorld(store, { clock });
    let id = 0;
    /** After a refused write, no new value is sent to the store for a second. */
    const passSecond = async (): Promise<void> => {
      // No reply may be due while the clock advances: the connection would count as silent.
      await world.store.ping();
      clock.advance(1_000);
    };
    const expectNotStored = async (newConnections: number): Promise<void> => {
      const expected = connections + newConnections;
      await passSecond();
      expect(await world.fetch({ args: { id: (id += 1) } })).toBe('value');
      await expect.poll(() => connections, { timeout: 20_000 }).toBe(expected);
    };
    return { ...world, connections: () => connections, passSecond, expectNotStored };
  }

  it('serves its entries, and the store reconnects less and less often', async () => {
    const server = await startTestRedis();
    onTestFinished(() => server.stop());
    const client = await redisClient(server.socketPath);
    const { fetch, outcome, expectNotStored, trace } = await newReadOnlyWorld(server.socketPath);
    await fetch({ field: 'Query.before' });
    await client.replicaof('127.0.0.1', 1);
    for (const second of times(64, Number)) {
      await expectNotStored([0, 1, 3, 7, 15, 31, 61].includes(second) ? 1 : 0);
      expect(await outcome({ field: 'Query.before' })).toMatchObject({ state: 'hit' });
    }
    expect(trace.count('breaker-opened')).toBe(0);
    // After a successful write, the next failover is noticed immediately.
    await client.replicaof('NO', 'ONE');
    await expectNotStored(0);
    await client.replicaof('127.0.0.1', 1);
    await expectNotStored(1);
    await expectNotStored(1);
  });

  it('stores again immediately after a failover, and after the failback five seconds later', async () => {
    const [one, two] = [await startTestRedis(), await startTestRedis()];
    onTestFinished(async () => void (await Promise.all([one.stop(), two.stop()])));
    const clients = [await redisClient(one.socketPath), await redisClient(two.socketPath)] as const;
    const proxy = await newTcpProxy(one.socketPath);
    const world = await newReadOnlyWorld(proxy.address);
    const stores = async (id: string): Promise<void> => {
      await world.passSecond();
      await world.fetch({ args: { id } });
      expect(await world.outcome({ args: { id } })).toMatchObject({ state: 'hit' });
    };
    const failover = async (to: 0 | 1): Promise<void> => {
      await clients[to].replicaof('NO', 'ONE');
      await clients[to === 0 ? 1 : 0].replicaof('127.0.0.1', 1);
      proxy.leadsTo = (to === 0 ? one : two).socketPath;
    };
    await stores('before');
    for (const to of [1, 0, 1] as const) {
      world.clock.advance(5_000);
      await failover(to);
      await world.expectNotStored(1);
      await stores(`after ${to} ${world.connections()}`);
    }
  });
});

it('invalidates in a full Redis, because deleting a token needs no room', async () => {
  const { fetch, cache, server, source } = await newRedisWorld();
  const client = await redisClient(server.socketPath);
  await fetch({ tags: ['products'] });
  await client.config('SET', 'maxmemory', '1');
  await cache.invalidate(['products']);
  source.gives('new');
  expect(await fetch({ tags: ['products'] })).toBe('new');
  await client.config('SET', 'maxmemory', '0');
  expect(await fetch({ tags: ['products'] })).toBe('new');
});

it('returns no value that another process invalidated while the connection was cut', async () => {
  const world = await newRedisWorld();
  const { fetch, source, server } = world;
  const client = await redisClient(server.socketPath);
  await fetch({ tags: ['products'] });
  await client.unlink('shop:tag:products');
  await client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  source.gives('new');
  expect(await fetch({ tags: ['products'] })).toBe('new');
});

it('answers every request while the connection is cut repeatedly', async () => {
  const world = await newRedisWorld();
  const { fetch, server, clock, trace } = world;
  const client = await redisClient(server.socketPath);
  for (const round of times(20, Number)) {
    const cut = client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    const seen = await Promise.all(times(20, (id) => fetch({ args: { round, id } })));
    expect(seen).toEqual(times(20, () => 'value'));
    await cut;
    clock.advance(250);
  }
  expect(trace.count('load-failed')).toBe(0);
});

it('answers every request while Redis is unreachable, and caches again when it is back', async () => {
  const server = await startTestRedis();
  onTestFinished(() => server.stop());
  const proxy = await newTcpProxy(server.socketPath);
  const store = await createRedisStore({ address: proxy.address, namespace: 'shop', deadlineMs: 20_000 });
  const world = { ...(await newWorld(store)), server };
  expect(await world.fetch()).toBe('value');
  proxy.isBlackHole = true;
  await openBreaker(world);
  proxy.isBlackHole = false;
  await closeBreaker(world);
  await expectCached(world);
});

it('answers every request while Redis requires a password, and caches again when it requires none', async () => {
  const world = await newRedisWorld();
  const { fetch, server } = world;
  const client = await redisClient(server.socketPath);
  await fetch();
  await client.config('SET', 'requirepass', 'word');
  await client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  for (const id of times(30, Number)) expect(await fetch({ args: { id } })).toBe('value');
  await client.config('SET', 'requirepass', '');
  await expect
    .poll(async () => {
      world.clock.advance(250);
      await fetch({ args: { probe: 1 } });
      return (await world.outcome({ args: { probe: 1 } })).state;
    })
    .toBe('hit');
});

it('answers every request while Redis loads its dump, and caches again afterwards', async () => {
  const folder = await makeFolder('cachepot-test-loading-');
  const server = await startTestRedis(['--dir', folder.path, '--dbfilename', 'dump.rdb']);
  onTestFinished(async () => {
    await server.stop();
    await folder.remove();
  });
  const client = await redisClient(server.socketPath);
  await client.call('DEBUG', 'POPULATE', '2000', 'other', '10');
  await client.save();
  const store = await createRedisStore({ address: server.socketPath, namespace: 'shop', deadlineMs: 20_000 });
  const world = { ...(await newWorld(store)), server };
  await client.config('SET', 'key-load-delay', '500');
  const loading = client.call('DEBUG', 'RELOAD', 'NOSAVE').catch(() => {});
  for (const id of times(30, Number)) expect(await world.fetch({ args: { id } })).toBe('value');
  await loading;
  await closeBreakerIfOpen(world);
  await expectCached(world);
});

it('gives up a flush of a hung Redis at its deadline, and keeps the connection', async () => {
  const server = await startTestRedis();
  onTestFinished(() => server.stop());
  let connections = 0;
  const store = await createRedisStore({
    address: server.socketPath,
    namespace: 'shop',
    deadlineMs: 200,
    onReady: () => (connections += 1),
  });
  onTestFinished(() => store.close());
  server.kill('SIGSTOP');
  await expect(store.clear()).rejects.toThrow('no reply within 400 ms');
  server.kill('SIGCONT');
  await expectReachable(store);
  expect(connections).toBe(1);
});
