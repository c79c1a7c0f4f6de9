// Values whose properties are in a hash of Redis, beside what the contract of a store promises.
import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { createRedisStore, type Store, type StoreRead } from '../../../../src/cache/index.ts';
import { startTestRedis, type TestRedis } from '../../../support/redis.ts';
import { advanceUntil, keysOf, newNamespace, newWorld, redisClient, redisStore, times } from '../../world.ts';

function entry(id: number): string {
  return `{"id":"${String(id).padStart(16, '0')}","value":{}}`;
}

async function open(namespace: string): Promise<Required<Store>> {
  const store = await redisStore(namespace);
  onTestFinished(() => store.close());
  return store as Required<Store>;
}

/** The keys without those of tokens, notices and changes. */
async function valueKeys(client: Redis, namespace: string): Promise<string[]> {
  return (await keysOf(client, `*${namespace}:a*`)).filter((key) => !/:tag:|:changed$/.test(key));
}

const names = times(40, (index) => `p${index}`);

/** So long that Redis receives a value in several parts, and serves other connections in between. */
function longText(id: number): string {
  return String(id).padStart(5_000);
}

it('one process never reads a mix of two values, nor one without its properties, while others store and replace', async () => {
  const namespace = newNamespace();
  const key = `${namespace}:a`;
  const [reader, ...writers] = await Promise.all(times(3, () => open(namespace)));
  if (reader === undefined) throw new Error('no store');
  const writeAll = async (writer: Required<Store>, place: number): Promise<void> => {
    for (const turn of times(60, Number)) {
      const id = 1_000 * (place + 1) + 2 * turn;
      const properties = new Map(names.map((name) => [name, longText(id)]));
      await writer.write(key, { text: entry(id), properties, ttlMs: 60_000, tags: [] });
      const entryId = entry(id + 1).slice(0, 24);
      await writer.replaceProperty(key, { name: 'p7', text: longText(id + 1), entryId });
    }
  };
  const state = { isDone: false };
  const writing = Promise.all(writers.map(writeAll)).finally(() => (state.isDone = true));
  const seen: unknown[] = [];
  while (!state.isDone) {
    const { text, properties } = await reader.readProperties(key, [], 'all');
    if (text === undefined) continue;
    const id = Number(text.slice(7, 23));
    const others = new Set(names.filter((name) => name !== 'p7').map((name) => properties?.get(name)));
    seen.push([Number(properties?.get('p7')) === id, others.size]);
  }
  await writing;
  expect(seen.length).toBeGreaterThan(20);
  expect(seen).toEqual(seen.map(() => [true, 1]));
});

it('the hash is readable, and expires with its value, also after a replacement', async () => {
  const namespace = newNamespace();
  const [store, client] = [await open(namespace), await redisClient()];
  const key = `${namespace}:a`;
  const expectedKeys = [`{${key}}:fields`, key];
  const properties = new Map([
    ['name', '"Kestrel"'],
    ['!', '1'],
  ]);
  await store.write(key, { text: entry(1), properties, ttlMs: 60_000, tags: [] });
  expect(await valueKeys(client, namespace)).toEqual(expectedKeys.toSorted());
  const own = { '!id': entry(1).slice(0, 24), '!names': '["name","!"]', '!count': '3' };
  const hash = { ...own, name: '"Kestrel"', '!!': '1' };
  expect(await client.hgetall(`{${key}}:fields`)).toEqual(hash);
  const ends = async (): Promise<number[]> => Promise.all(expectedKeys.map((one) => client.pexpiretime(one)));
  const before = await ends();
  expect(new Set(before).size).toBe(1);
  await store.replaceProperty(key, { name: '!', text: '2', entryId: entry(2).slice(0, 24) });
  expect(await client.hgetall(`{${key}}:fields`)).toEqual({ ...hash, '!id': entry(2).slice(0, 24), '!!': '2' });
  expect(await ends()).toEqual(before);
});

it.each([
  ['a removal', (store: Store, key: string) => store.remove([key])],
  ['a flush', (store: Store) => store.clear()],
  [
    'the end of a load whose value cannot be stored',
    async (store: Store, key: string) => {
      const lease = 'a'.repeat(22);
      const request = { lease, stampsDigest: '', leaseMs: 60_000, takenOver: undefined, tags: [] };
      await store.acquire(key, { ...request, rejectedEntryId: entry(1).slice(0, 24) });
      await store.release(key, { lease, openMs: 0, isRemoving: true });
    },
  ],
])('%s leaves nothing of the value in Redis', async (_, end) => {
  const namespace = newNamespace();
  const [store, client] = [await open(namespace), await redisClient()];
  await store.write(`${namespace}:a`, { text: entry(1), properties: new Map([['a', '1']]), ttlMs: 60_000, tags: [] });
  await end(store, `${namespace}:a`);
  expect(await valueKeys(client, namespace)).toEqual([]);
});

it('foreign content at the key of a hash is not read, whatever its size, and replaced with the next value', async () => {
  const namespace = newNamespace();
  const [store, client] = [await open(namespace), await redisClient()];
  const [key, hash] = [`${namespace}:a`, `{${namespace}:a}:fields`];
  const write = { text: entry(1), properties: new Map([['a', '1']]), ttlMs: 60_000, tags: [] };
  await store.write(key, write);
  await client.hset(hash, '!id', 'x'.repeat(1_000_000), 'a', 'x'.repeat(1_000_000));
  expect((await store.readProperties(key, [], 'all')).properties).toBeUndefined();
  expect(await store.replaceProperty(key, { name: 'a', text: '2', entryId: entry(2).slice(0, 24) })).toBe(false);
  await store.write(key, write);
  expect((await store.readProperties(key, [], 'all')).properties).toEqual(write.properties);
});

it.each(['["a"]', '["a","b","c"]', '["a","none"]', '{}', '['])(
  'properties whose names were overwritten by %s are not returned',
  async (text) => {
    const namespace = newNamespace();
    const [store, client] = [await open(namespace), await redisClient()];
    const key = `${namespace}:a`;
    const properties = new Map(['a', 'b'].map((name) => [name, '1']));
    await store.write(key, { text: entry(1), properties, ttlMs: 60_000, tags: [] });
    await client.hset(`{${key}}:fields`, '!names', text);
    expect(await store.readProperties(key, [], 'all')).not.toHaveProperty('properties', expect.anything());
  },
);

it('a hash to which another program has added fields is not read, nor replaced, whatever its size', async () => {
  const namespace = newNamespace();
  const [store, client] = [await open(namespace), await redisClient()];
  const key = `${namespace}:a`;
  await store.write(key, { text: entry(1), properties: new Map([['a', '1']]), ttlMs: 60_000, tags: [] });
  await client.hset(`{${key}}:fields`, 'foreign', '1');
  expect((await store.readProperties(key, [], ['a'])).properties).toBeUndefined();
  expect(await store.replaceProperty(key, { name: 'a', text: '"longer"', entryId: entry(2).slice(0, 24) })).toBe(false);
});

it('a value of more than a megabyte, and one that is no entry, are read as `read` reads them', async () => {
  const namespace = newNamespace();
  const [store, client] = [await open(namespace), await redisClient()];
  const key = `${namespace}:a`;
  const long = `${entry(1).slice(0, -1)},"long":"${'é'.repeat(1_500_000)}"}`;
  await store.write(key, { text: long, properties: new Map([['a', '1']]), ttlMs: 60_000, tags: [] });
  expect(await store.readProperties(key, [], 'all')).toMatchObject({ text: long, properties: new Map([['a', '1']]) });
  await client.set(key, 'x'.repeat(3_000_000), 'PX', 60_000);
  expect((await store.readProperties(key, [], 'all')).text?.length).toBeLessThanOrEqual(1 << 20);
  await client.del(key);
  await client.lpush(key, 'foreign');
  expect(await store.readProperties(key, [], 'all')).toMatchObject({ text: undefined });
});

it('a caller that finds the script unknown is not failed by another one that asks for the same in its second attempt', async () => {
  const namespace = newNamespace();
  const store = await open(namespace);
  const client = await redisClient();
  const key = `${namespace}:a`;
  await store.write(key, { text: entry(1), properties: new Map([['a', '1']]), ttlMs: 60_000, tags: [] });
  const read = (): Promise<StoreRead> => store.readProperties(key, [], ['a']);
  for (const _ of times(100, Number)) {
    await client.script('FLUSH');
    const state = { isDone: false };
    const first = read().finally(() => (state.isDone = true));
    const others: Promise<StoreRead>[] = [];
    // A timer runs before the replies of its turn of the event loop arrive.
    while (!state.isDone) {
      await pause(0);
      others.push(read());
    }
    const texts = (await Promise.all([first, ...others])).map(({ properties }) => properties?.get('a'));
    expect(new Set(texts)).toEqual(new Set(['1']));
  }
});

async function privateRedis(...args: string[]): Promise<TestRedis> {
  const redis = await startTestRedis(args);
  onTestFinished(() => redis.stop());
  return redis;
}

async function openOn({ socketPath }: TestRedis, deadlineMs: number): Promise<Required<Store>> {
  return (await createRedisStore({ address: socketPath, namespace: 'shop', deadlineMs })) as Required<Store>;
}

it('a property is not replaced after its caller has given up: another change may have come first', async () => {
  const redis = await privateRedis();
  const [store, client] = [await openOn(redis, 50), await redisClient(redis.socketPath)];
  onTestFinished(() => store.close());
  await store.write('shop:a', { text: entry(1), properties: new Map([['a', '1']]), ttlMs: 60_000, tags: [] });
  const replace = (id: number): Promise<boolean> =>
    store.replaceProperty('shop:a', { name: 'a', text: String(id), entryId: entry(id).slice(0, 24) });
  const scriptCalls = async (): Promise<number> =>
    Number(/cmdstat_evalsha:calls=(\d+)/.exec(await client.info('commandstats'))?.[1]);
  await replace(1); // Redis knows the script
  const before = await scriptCalls();
  redis.kill('SIGSTOP');
  await expect(replace(2)).rejects.toThrow('no reply');
  redis.kill('SIGCONT');
  await expect.poll(scriptCalls).toBeGreaterThan(before);
  expect(await client.hget('{shop:a}:fields', 'a')).toBe('1');
});

it('processes that have the value in memory learn of a replacement after which Redis is full, and of a removal', async () => {
  // A longer text makes Redis store the hash in another form, which needs more memory.
  const redis = await privateRedis('--hash-max-listpack-entries', '3000');
  const client = await redisClient(redis.socketPath);
  const one = await newWorld(await openOn(redis, 20_000));
  const two = await newWorld(await openOn(redis, 20_000), { memoryBytesMax: 1_000_000 });
  const call = { fields: true, only: ['p7'] };
  one.source.gives(Object.fromEntries(times(2_000, (index) => [`p${index}`, index])));
  await one.fetch(call);
  const key = one.cache.key({ field: 'Query.field' });
  expect(await one.cache.replaceField(key, 'p8', 0)).toBe(true); // Redis knows the script
  await advanceUntil(two.clock, 10, () => two.cache.memory?.isCoherent === true);
  const fill = async (): Promise<void> => {
    await client.config('SET', 'maxmemory', '0');
    await two.fetch(call);
    expect(await two.outcome(call)).toMatchObject({ tier: 'memory' });
    const [, used] = /used_memory:(\d+)/.exec(await client.info('memory')) ?? [];
    await client.config('SET', 'maxmemory', String(Number(used) + 60_000));
  };
  await fill();
  expect(await one.cache.replaceField(key, 'p7', 'x'.repeat(100))).toBe(true);
  await expect.poll(() => two.outcome(call)).toMatchObject({ tier: 'redis', value: { p7: 'x'.repeat(100) } });
  await fill();
  await client.config('SET', 'maxmemory', '1');
  expect(await one.cache.delete('Query.field')).toBe(1);
  two.source.gives({ p7: 'new' });
  await expect.poll(() => two.fetch(call)).toEqual({ p7: 'new' });
});
