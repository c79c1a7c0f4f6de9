// A database that replaces another one, or that has lost its tokens: invalidations still reach every process.
import type { Redis } from 'ioredis';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createRedisStore } from '../../../../src/cache/index.ts';
import { startTestRedis, type TestRedis } from '../../../support/redis.ts';
import { newTcpProxy } from '../../../support/tcp-proxy.ts';
import { newWorld, redisClient, times, tick, type World } from '../../world.ts';

const tags = ['products'];
const pollOptions = { interval: 5, timeout: 20_000 };

interface Setting {
  readonly server: TestRedis;
  readonly client: Redis;
  /** Another process on the same server. */
  readonly newProcess: (options?: { hasMemory?: boolean; address?: string }) => Promise<World>;
}

async function newSetting(): Promise<Setting> {
  const server = await startTestRedis();
  onTestFinished(() => server.stop());
  const client = await redisClient(server.socketPath);
  return {
    server,
    client,
    async newProcess({ hasMemory = true, address = server.socketPath } = {}) {
      const store = await createRedisStore({ address, namespace: 'shop', deadlineMs: 20_000 });
      return newWorld(store, { memoryBytesMax: hasMemory ? 1_000_000 : 0 });
    },
  };
}

/** Advances the clock of a process until its memory tier serves the value. */
async function untilInMemory({ cache, clock, outcome }: World): Promise<void> {
  await expect.poll(() => (clock.advance(100), cache.memory?.isCoherent), pollOptions).toBe(true);
  await expect.poll(async () => (await outcome({ tags })).tier, pollOptions).toBe('memory');
}

/** Advances the clock by half a second, and lets the heartbeats that are due be sent and received. */
async function passHalfASecond({ clock }: World): Promise<void> {
  for (const _ of times(5, Number)) {
    clock.advance(100);
    await tick();
    await tick();
    await tick();
  }
}

const invalidations: [string, (world: World) => Promise<unknown>][] = [
  ['a tag is invalidated', ({ cache }) => cache.invalidate(tags)],
  ['everything is flushed', ({ cache }) => cache.flush()],
];

describe.each(invalidations)('when %s', (_, invalidate) => {
  it.each<[string, (client: Redis) => Promise<unknown>]>([
    ['the databases were swapped', (client) => client.swapdb(0, 1)],
    ['the databases were swapped twice', async (client) => (await client.swapdb(0, 1), await client.swapdb(0, 1))],
    ['the tokens were renamed', (client) => client.rename('shop:tag:products', 'elsewhere')],
    ['the tokens have expired', (client) => client.pexpire('shop:tag:products', 0)],
  ])('another process reads no older value half a second later, even if %s before', async (_case, change) => {
    const { client, newProcess } = await newSetting();
    const [one, two] = [await newProcess(), await newProcess()];
    await untilInMemory(one);
    await untilInMemory(two);
    await change(client);
    await invalidate(two);
    one.source.gives('new');
    two.source.gives('new');
    expect(await two.fetch({ tags })).toBe('new');
    await passHalfASecond(one);
    expect(await one.fetch({ tags })).toBe('new');
    await untilInMemory(one);
    expect(await one.fetch({ tags })).toBe('new');
  });

  it('between two swaps, values that return with the first database are not read', async () => {
    const { client, newProcess } = await newSetting();
    const [one, two] = [await newProcess(), await newProcess({ hasMemory: false })];
    await untilInMemory(one);
    await two.fetch({ tags });
    await client.swapdb(0, 1);
    await invalidate(two);
    await client.swapdb(0, 1);
    expect(await client.exists('shop:Query:field', 'shop:tag:products')).toBe(2);
    one.source.gives('new');
    two.source.gives('new');
    expect(await two.fetch({ tags })).toBe('new');
    await passHalfASecond(one);
    expect(await one.fetch({ tags })).toBe('new');
  });

  it('before a swap, values that were stored in the other database earlier are not read', async () => {
    const { client, newProcess } = await newSetting();
    const one = await newProcess({ hasMemory: false });
    await one.fetch({ tags });
    await client.swapdb(0, 1);
    one.source.gives('middle');
    await one.fetch({ tags });
    await invalidate(one);
    await client.swapdb(0, 1);
    one.source.gives('new');
    expect(await one.fetch({ tags })).toBe('new');
    expect(await one.outcome({ tags })).toMatchObject({ value: 'new', state: 'hit' });
  });
});

it('notifies other processes of a dropped token that is missing from the database, even while Redis is full', async () => {
  const { client, newProcess } = await newSetting();
  const [one, two] = [await newProcess(), await newProcess({ hasMemory: false })];
  await untilInMemory(one);
  const before = one.cache.memory?.bytes ?? 0;
  await client.swapdb(0, 1); // the token is not deleted, and no process is notified
  await client.config('SET', 'maxmemory', '1');
  await two.store.dropTokens(tags);
  await expect.poll(() => one.cache.memory?.bytes, pollOptions).toBeLessThan(before);
  await client.config('SET', 'maxmemory', '0');
  one.source.gives('new');
  expect(await one.fetch({ tags })).toBe('new');
});

it('a process that reads nothing notices a swapped database by its heartbeats', async () => {
  const { client, newProcess } = await newSetting();
  const world = await newProcess();
  await untilInMemory(world);
  await client.swapdb(0, 1);
  const incoherent = world.trace.next('memory-incoherent');
  world.clock.advance(100);
  await incoherent;
  expect(world.cache.memory?.isCoherent).toBe(false);
});

it('a swapped database is invalidated once, by the first of many processes that notice it', async () => {
  const { client, newProcess } = await newSetting();
  const all = await Promise.all(times(5, () => newProcess({ hasMemory: false })));
  await client.swapdb(0, 1);
  const [first] = all;
  await first?.fetch({ tags });
  const token = await client.get('shop:tag:*');
  for (const world of all) expect(await world.outcome({ tags })).toMatchObject({ state: 'hit' });
  expect(await client.get('shop:tag:*')).toBe(token);
});

it('an address that led to another server in between returns no value that was invalidated there', async () => {
  const [one, two] = [await newSetting(), await newSetting()];
  const proxy = await newTcpProxy(one.server.socketPath);
  const world = await one.newProcess({ address: proxy.address, hasMemory: false });
  const routeTo = async ({ server }: Setting, { client }: Setting): Promise<void> => {
    proxy.leadsTo = server.socketPath;
    await client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await expect.poll(() => world.store.ping().then(() => 'there', String), pollOptions).toBe('there');
  };
  await world.fetch({ tags });
  await routeTo(two, one);
  await world.cache.invalidate(tags);
  await routeTo(one, two);
  world.source.gives('new');
  await expect.poll(() => (world.clock.advance(1_000), world.fetch({ tags })), pollOptions).toBe('new');
});

it('a database keeps its id while it is used, and gets a new one if the id is lost or not an id', async () => {
  const { client, newProcess } = await newSetting();
  const world = await newProcess({ hasMemory: false });
  const currentId = async (): Promise<string | undefined> => (await client.get('shop:tag:!db'))?.split(',')[0];
  let id = await currentId();
  await world.fetch({ tags });
  await world.cache.flush();
  expect(await currentId()).toBe(id);
  for (const damage of [
    () => client.unlink('shop:tag:!db'),
    () => client.set('shop:tag:!db', '\u{1f600} text', 'PX', 60_000),
    () => client.lpush('shop:tag:!db', 'a list'),
    () => client.flushall(),
  ]) {
    await client.unlink('shop:tag:!db');
    await damage();
    await world.fetch({ tags });
    expect(await world.outcome({ tags })).toMatchObject({ state: 'hit' });
    expect(await client.get('shop:tag:!db')).toContain(`,${id}`);
    id = await currentId();
    expect(await client.pttl('shop:tag:!db')).toBeGreaterThan(86_400_000);
  }
});
