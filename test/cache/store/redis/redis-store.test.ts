import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createRedisStore } from '../../../../src/cache/index.ts';
import { makeFolder } from '../../../../src/embedded/index.ts';
import { startTestRedis, type TestRedis } from '../../../support/redis.ts';
import { describeStore } from '../store-contract.ts';
import { keysOf, newNamespace, newWorld, redisClient, redisStore, times, withResolvers } from '../../world.ts';

// A separate server, because entries of other tests would change its memory usage.
let ownServer: TestRedis;
beforeAll(async () => {
  ownServer = await startTestRedis();
});
afterAll(() => ownServer.stop());

describeStore('redis', async () => {
  const namespace = newNamespace();
  const client = await redisClient(ownServer.socketPath);
  return {
    store: await createRedisStore({ address: ownServer.socketPath, namespace, deadlineMs: 20_000 }),
    namespace,
    expire: async (key) => void (await client.pexpireat(key, 1)),
    expireLease: async (key) => void (await client.pexpireat(`{${key}}:lease`, 1)),
    // The test cannot advance the clock of Redis, so it shortens the remaining life instead.
    async passes(key, ms) {
      const leftMs = await client.pttl(`{${key}}:lease`);
      if (leftMs > 0) await client.pexpire(`{${key}}:lease`, leftMs - ms);
    },
  };
});

describe('the keys in Redis', () => {
  it('all have a TTL', async () => {
    const { fetch, cache, namespace } = await newWorld('redis');
    const client = await redisClient();
    await Promise.all(times(30, (id) => fetch({ args: { id }, tags: ['products', `products:${id}`] })));
    await cache.invalidate(['products']);
    await fetch({ args: { id: 1 }, tags: ['products'] });

    const keys = await keysOf(client, `${namespace}:*`);
    const lives = await Promise.all(keys.map((key) => client.pttl(key)));
    expect(keys.length).toBeGreaterThan(60);
    expect(Math.min(...lives)).toBeGreaterThan(0);
    expect(Math.max(...lives)).toBeLessThanOrEqual(2 * 86_400_000);
    await cache.flush();
    expect(await keysOf(client, `${namespace}:*`)).toEqual([`${namespace}:tag:!db`]);
  });

  it('receive their value and TTL in one command, so that a crash leaves no value without a TTL', async () => {
    const server = await startTestRedis();
    onTestFinished(() => server.stop());
    const client = await redisClient(server.socketPath);
    const store = await createRedisStore({ address: server.socketPath, namespace: 'shop' });
    onTestFinished(() => store.close());
    const seen: string[] = [];
    const monitor = await client.monitor();
    onTestFinished(() => monitor.disconnect());
    const { promise: isWritten, resolve } = withResolvers<void>();
    monitor.on('monitor', (_time: string, words: string[]) => {
      seen.push(words.join(' '));
      if (words[0] === 'ping') resolve();
    });

    await store.write('shop:a', { text: 'text', ttlMs: 60_000, tags: [] });
    await store.ping();
    await isWritten;
    expect(seen.filter((words) => words.includes('shop:a'))).toEqual([
      expect.stringMatching(/^set shop:a text PXAT \d{13}$/),
      'del {shop:a}:lease',
      'set shop:tag:!=shop:a  PX 1000', // notifies the memory tiers
    ]);
  });

  it('of tokens get a new TTL by a capture once less than half of it is left, and in no other case', async () => {
    const namespace = newNamespace();
    const [store, client] = await Promise.all([redisStore(namespace), redisClient()]);
    onTestFinished(() => store.close());
    const [token] = await store.capture(['a']);
    await client.pexpire(`${namespace}:tag:a`, 50_000);
    await store.read(`${namespace}:k`, ['a']);
    expect(await client.pttl(`${namespace}:tag:a`)).toBeLessThanOrEqual(50_000);
    expect(await store.capture(['a'])).toEqual([token]);
    expect(await client.pttl(`${namespace}:tag:a`)).toBeGreaterThan(2 * 86_400_000 - 20_000);
    await client.pexpire(`${namespace}:tag:a`, 86_400_000 + 60_000);
    expect(await store.capture(['a'])).toEqual([token]);
    expect(await client.pttl(`${namespace}:tag:a`)).toBeLessThanOrEqual(86_400_000 + 60_000);
  });

  it('of tags are deleted by an invalidation, which touches no value', async () => {
    const namespace = newNamespace();
    const [store, client] = await Promise.all([redisStore(namespace), redisClient()]);
    onTestFinished(() => store.close());
    await store.capture(['a', 'b']);
    await store.dropTokens(['a']);
    expect(await keysOf(client, `${namespace}:tag:*`)).toEqual([`${namespace}:tag:!db`, `${namespace}:tag:b`]);
  });
});

describe('a Redis server that restarts with an old dump', () => {
  it('returns no value that was invalidated since, although value and token are back', async () => {
    const server = await startDumpingRedis();
    const client = await redisClient(server.socketPath);
    const store = await createRedisStore({ address: server.socketPath, namespace: 'shop', deadlineMs: 20_000 });
    const { fetch, cache, source, trace } = await newWorld(store);
    await fetch({ tags: ['products'] });
    await client.save();
    await cache.invalidate(['products']);
    source.gives('new');
    await fetch({ tags: ['products'] });
    await server.restart();
    await expect
      .poll(() =>
        store.ping().then(
          () => 'there',
          () => 'away',
        ),
      )
      .toBe('there');

    expect(await client.exists('shop:Query:field', 'shop:tag:products', 'shop:tag:*')).toBe(3);
    expect(await store.tokens(['products', '*'])).toEqual([undefined, undefined]);
    source.gives('newer');
    trace.take();
    expect(await fetch({ tags: ['products'] })).toBe('newer');
    expect(await fetch({ tags: ['products'] })).toBe('newer');
    expect(trace.text).toBe('entry-rejected(invalidated) load write miss hit');
  });
});

/** A server that writes `dump.rdb` on SAVE and reads it when it starts. */
async function startDumpingRedis(): Promise<TestRedis> {
  const folder = await makeFolder('cachepot-test-dump-');
  const server = await startTestRedis(['--dir', folder.path, '--dbfilename', 'dump.rdb']);
  onTestFinished(async () => {
    await server.stop();
    await folder.remove();
  });
  return server;
}

describe('a Redis server that other applications use too', () => {
  it('keeps keys outside the namespace when the store is cleared, however similar they are', async () => {
    const shop = newNamespace();
    const client = await redisClient();
    const others = [`${shop}2:a`, `${shop}-x:a`, `${shop}-data:outbox`, `x${shop}:a`, shop, `${shop}-x:tag:*`];
    const [store, similar] = await Promise.all([redisStore(shop), redisStore(`${shop}-x`)]);
    for (const key of others) await client.set(key, 'theirs', 'PX', 600_000);
    onTestFinished(async () => {
      await client.unlink(others);
      await Promise.all([store.close(), similar.close()]);
    });
    await store.write(`${shop}:a`, { text: 'ours', ttlMs: 600_000, tags: [] });
    await store.capture(['*']);

    expect((await store.usage()).keys).toBe(1);
    expect((await similar.usage()).keys).toBe(1);
    expect(await store.clear()).toBe(1);
    expect(await client.mget(others)).toEqual(others.map(() => 'theirs'));
  });

  it('receives no command for a key outside the namespace, which keys of leases have in braces', async () => {
    const server = await startTestRedis();
    onTestFinished(() => server.stop());
    const client = await redisClient(server.socketPath);
    const store = await createRedisStore({ address: server.socketPath, namespace: 'shop', deadlineMs: 20_000 });
    const { fetch, cache, trace } = await newWorld(store);
    await client.acl('SETUSER', 'default', 'resetkeys', '~shop:*', '~{shop:*');

    const load = (): Promise<unknown> => fetch({ field: 'Query.inner', tags: ['inner'] });
    await fetch({ field: 'Query.outer', tags: ['outer'], load });
    await fetch({ field: 'Query.outer', tags: ['outer'], load });
    await cache.invalidate(['inner']);
    expect((await cache.usage()).keys).toBe(2);
    expect(await cache.flush()).toBe(2);
    expect(trace.text).toBe('load write miss load write miss hit invalidate flush-began flush');
  });

  it('causes a miss if it holds another type at the key of a value, and the next write replaces that', async () => {
    const namespace = newNamespace();
    const [store, client] = await Promise.all([redisStore(namespace), redisClient()]);
    onTestFinished(() => store.close());
    const [token] = await store.capture(['a']);
    await client.hset(`${namespace}:k`, 'field', 'value');
    expect(await store.read(`${namespace}:k`, ['a'])).toEqual({ text: undefined, remainingMs: 0, tokens: [token] });
    const versions = [{ key: `${namespace}:k`, entryId: 't', textBytes: 4 }];
    expect(await store.confirm(versions, ['a'])).toEqual({ remainingMs: [undefined], tokens: [token] });
    await store.write(`${namespace}:k`, { text: 'text', ttlMs: 60_000, tags: [] });
    expect((await store.read(`${namespace}:k`, ['a'])).text).toBe('text');
  });

  it('causes a miss if it holds a value without a TTL', async () => {
    const namespace = newNamespace();
    const [store, client] = await Promise.all([redisStore(namespace), redisClient()]);
    onTestFinished(() => store.close());
    await client.set(`${namespace}:k`, 'text');
    expect(await store.read(`${namespace}:k`, ['a'])).toMatchObject({ text: undefined, remainingMs: 0 });
    const versions = [{ key: `${namespace}:k`, entryId: 't', textBytes: 4 }];
    expect(await store.confirm(versions, [])).toMatchObject({ remainingMs: [undefined] });
    await store.clear();
  });

  it('has no token where it holds another type at its key, and the next capture replaces that', async () => {
    const namespace = newNamespace();
    const [store, client] = await Promise.all([redisStore(namespace), redisClient()]);
    onTestFinished(() => store.close());
    const [tokenOfB] = await store.capture(['b']);
    await client.hset(`${namespace}:tag:a`, 'field', 'value');
    expect((await store.read(`${namespace}:k`, ['a', 'b'])).tokens).toEqual([undefined, tokenOfB]);
    const tokens = await store.capture(['a', 'b']);
    expect(tokens).toEqual([expect.any(String), tokenOfB]);
    expect((await store.read(`${namespace}:k`, ['a', 'b'])).tokens).toEqual(tokens);
  });
});

it('can be created while Redis is down, reports that, rejects until Redis is up, and reports that too', async () => {
  const server = await startTestRedis();
  onTestFinished(() => server.stop());
  server.kill('SIGKILL');
  const ready = withResolvers<void>();
  const faults: Error[] = [];
  const store = await createRedisStore({
    address: server.socketPath,
    namespace: 'shop',
    onError: (error) => faults.push(error),
    onReady: () => ready.resolve(),
  });
  onTestFinished(() => store.close());
  await expect(store.read('shop:a', ['*'])).rejects.toThrow();
  await expect(store.ping()).rejects.toThrow();
  expect(faults.length).toBeGreaterThan(0);

  await server.restart();
  await ready.promise;
  await expect(store.ping()).resolves.toBeUndefined();
});

it('reports a connection that Redis has closed, also if the first attempt to reconnect succeeds, but not its own end', async () => {
  const server = await startTestRedis();
  onTestFinished(() => server.stop());
  const admin = await redisClient(server.socketPath);
  const reports: string[] = [];
  const ready = withResolvers<void>();
  const store = await createRedisStore({
    address: server.socketPath,
    namespace: 'shop',
    deadlineMs: 20_000,
    onError: (error) => reports.push(error.message),
    onReady: () => reports.push('ready') === 3 && ready.resolve(),
  });
  await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  await ready.promise;
  await store.close();
  expect(reports).toEqual(['ready', expect.stringContaining('Redis has closed the connection'), 'ready']);
});

describe('a foreign value of 150 MB at a key of the cache', () => {
  /** The number of bytes that Redis sends while `run` runs. */
  async function bytesSent(client: Redis, run: () => Promise<unknown>): Promise<number> {
    const sent = async (): Promise<number> =>
      Number(/total_net_output_bytes:(\d+)/.exec(await client.info('stats'))?.[1]);
    const before = await sent();
    await run();
    return (await sent()) - before;
  }

  it.each(['shop:Query:field', '{shop:Query:field}:lease', 'shop:tag:*', 'shop:tag:products', 'shop:tag:!db'])(
    'is replaced without being read: %s',
    async (key) => {
      const server = await startTestRedis();
      onTestFinished(() => server.stop());
      const client = await redisClient(server.socketPath);
      const store = await createRedisStore({ address: server.socketPath, namespace: 'shop', deadlineMs: 20_000 });
      const { fetch, outcome, source, trace } = await newWorld(store);
      const tags = ['products'];
      await fetch({ tags });
      for (const age of ['with an end', 'without']) {
        source.gives(age);
        await client.unlink('shop:Query:field', key);
        await client.setrange(key, 150_000_000, 'x');
        if (age === 'with an end') await client.pexpire(key, 60_000);
        trace.take();
        const sent = await bytesSent(client, async () => {
          expect(await fetch({ tags })).toBe(age);
          expect(await outcome({ tags })).toMatchObject({ state: 'hit', value: age });
        });
        expect(sent).toBeLessThan(3_000_000);
        expect(trace.count('store-failed')).toBe(0);
        expect(await client.strlen(key)).toBeLessThan(1_000);
      }
    },
  );

  it('is not read if it begins as an entry does, even after several misses', async () => {
    const server = await startTestRedis();
    onTestFinished(() => server.stop());
    const client = await redisClient(server.socketPath);
    const store = await createRedisStore({ address: server.socketPath, namespace: 'shop', deadlineMs: 20_000 });
    const { cache, fetch, outcome } = await newWorld(store);
    for (const id of times(4, Number)) await fetch({ args: { id } });
    for (const id of [0, 1]) {
      const key = cache.key({ field: 'Query.field', args: { id } }).text;
      await client.set(key, `{"id":"${'i'.repeat(16)}"`);
      await client.setrange(key, 150_000_000, 'x');
      await client.pexpire(key, 60_000);
    }
    const sent = await bytesSent(client, async () => {
      expect(await fetch({ args: { id: 0 } })).toBe('value');
      expect(await outcome({ args: { id: 0 } })).toMatchObject({ state: 'hit' });
      for (const id of ['a', 'b', 'c', 'd']) await fetch({ args: { id } });
      expect(await fetch({ args: { id: 1 } })).toBe('value');
    });
    expect(sent).toBeLessThan(5_000_000);
  });

  it.each(['shop:Query:field', '{shop:Query:field}:lease', 'shop:tag:*', 'shop:tag:products', 'shop:tag:!db'])(
    'is replaced if it is a list: %s',
    async (key) => {
      const server = await startTestRedis();
      onTestFinished(() => server.stop());
      const client = await redisClient(server.socketPath);
      const store = await createRedisStore({ address: server.socketPath, namespace: 'shop', deadlineMs: 20_000 });
      const { fetch, outcome, trace } = await newWorld(store);
      const tags = ['products'];
      await client.unlink(key);
      await client.rpush(key, ...times(10_000, String));
      expect(await fetch({ tags })).toBe('value');
      expect(await outcome({ tags })).toMatchObject({ state: 'hit' });
      expect(trace.count('store-failed')).toBe(0);
    },
  );
});

it('returns an entry of more than a megabyte, in any script', async () => {
  const { fetch, outcome, source } = await newWorld('redis');
  for (const letter of ['x', 'é', '漢', '😀']) {
    for (const shift of times(4, Number)) {
      const value = 'x'.repeat(shift) + letter.repeat(700_000);
      source.gives(value);
      await fetch({ args: { letter, shift } });
      const { value: read, state } = await outcome({ args: { letter, shift } });
      expect({ state, isSame: read === value }).toEqual({ state: 'hit', isSame: true });
    }
  }
});
