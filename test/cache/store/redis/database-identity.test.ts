// Another database in the place of the one before, and tags that have no token: every process learns of an invalidation.
import type { Redis } from 'ioredis';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createRedisStore } from '../../../../src/cache/index.ts';
import { startTestRedis, type TestRedis } from '../../../support/redis.ts';
import { newTcpProxy } from '../../../support/tcp-proxy.ts';
import { newWorld, redisClient, times, turn, type World } from '../../world.ts';

const tags = ['products'];
const patiently = { interval: 5, timeout: 20_000 };

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

/** Lets the clock of a process go on until its memory tier has served the value. */
async function inMemory({ cache, clock, outcome }: World): Promise<void> {
  await expect.poll(() => (clock.advance(100), cache.memory?.isCoherent), patiently).toBe(true);
  await expect.poll(async () => (await outcome({ tags })).tier, patiently).toBe('memory');
}

/** As if half a second passed: probes are sent and answered meanwhile. */
async function halfASecond({ clock }: World): Promise<void> {
  for (const _ of times(5, Number)) {
    clock.advance(100);
    await turn();
    await turn();
    await turn();
  }
}

const ways: [string, (world: World) => Promise<unknown>][] = [
  ['a tag is invalidated', ({ cache }) => cache.invalidate(tags)],
  ['everything is flushed', ({ cache }) => cache.flush()],
];

describe.each(ways)('when %s', (_, invalidate) => {
  it.each<[string, (client: Redis) => Promise<unknown>]>([
    ['the databases were swapped', (client) => client.swapdb(0, 1)],
    ['they were swapped there and back', async (client) => (await client.swapdb(0, 1), await client.swapdb(0, 1))],
    ['the namespace was moved away', (client) => client.rename('shop:tag:products', 'elsewhere')],
    ['the tokens have expired', (client) => client.pexpire('shop:tag:products', 0)],
  ])('nothing older is read in another process half a second later, though %s before', async (_case, happen) => {
    const { client, newProcess } = await newSetting();
    const [one, two] = [await newProcess(), await newProcess()];
    await inMemory(one);
    await inMemory(two);
    await happen(client);
    await invalidate(two);
    one.source.gives('new');
    two.source.gives('new');
    expect(await two.fetch({ tags })).toBe('new');
    await halfASecond(one);
    expect(await one.fetch({ tags })).toBe('new');
    await inMemory(one);
    expect(await one.fetch({ tags })).toBe('new');
  });

  it('between two swaps, what comes back with the first database is not read', async () => {
    const { client, newProcess } = await newSetting();
    const [one, two] = [await newProcess(), await newProcess({ hasMemory: false })];
    await inMemory(one);
    await two.fetch({ tags });
    await client.swapdb(0, 1);
    await invalidate(two);
    await client.swapdb(0, 1);
    expect(await client.exists('shop:Query:field', 'shop:tag:products')).toBe(2);
    one.source.gives('new');
    two.source.gives('new');
    expect(await two.fetch({ tags })).toBe('new');
    await halfASecond(one);
    expect(await one.fetch({ tags })).toBe('new');
  });

  it('before a swap, what was stored in the other database before that is not read', async () => {
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

it('tells other processes of a token that is not there, also while Redis is full', async () => {
  const { client, newProcess } = await newSetting();
  const [one, two] = [await newProcess(), await newProcess({ hasMemory: false })];
  await inMemory(one);
  const before = one.cache.memory?.bytes ?? 0;
  await client.swapdb(0, 1); // the token is not deleted, and this is not told
  await client.config('SET', 'maxmemory', '1');
  await two.store.dropTokens(tags);
  await expect.poll(() => one.cache.memory?.bytes, patiently).toBeLessThan(before);
  await client.config('SET', 'maxmemory', '0');
  one.source.gives('new');
  expect(await one.fetch({ tags })).toBe('new');
});

it('is noticed by a process that reads nothing, by its probes', async () => {
  const { client, newProcess } = await newSetting();
  const world = await newProcess();
  await inMemory(world);
  await client.swapdb(0, 1);
  const unproven = world.trace.next('memory-incoherent');
  world.clock.advance(100);
  await unproven;
  expect(world.cache.memory?.isCoherent).toBe(false);
});

it('is invalidated once, by the first of many processes that notice it', async () => {
  const { client, newProcess } = await newSetting();
  const all = await Promise.all(times(5, () => newProcess({ hasMemory: false })));
  await client.swapdb(0, 1);
  const [first] = all;
  await first?.fetch({ tags });
  const token = await client.get('shop:tag:*');
  for (const world of all) expect(await world.outcome({ tags })).toMatchObject({ state: 'hit' });
  expect(await client.get('shop:tag:*')).toBe(token);
});

it('is recognised behind an address that led to another server in between', async () => {
  const [one, two] = [await newSetting(), await newSetting()];
  const proxy = await newTcpProxy(one.server.socketPath);
  const world = await one.newProcess({ address: proxy.address, hasMemory: false });
  const leadTo = async ({ server }: Setting, { client }: Setting): Promise<void> => {
    proxy.leadsTo = server.socketPath;
    await client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await expect.poll(() => world.store.ping().then(() => 'there', String), patiently).toBe('there');
  };
  await world.fetch({ tags });
  await leadTo(two, one);
  await world.cache.invalidate(tags);
  await leadTo(one, two);
  world.source.gives('new');
  await expect.poll(() => (world.clock.advance(1_000), world.fetch({ tags })), patiently).toBe('new');
});

it('keeps its id while it is used, and gets another one where it was lost or is something else', async () => {
  const { client, newProcess } = await newSetting();
  const world = await newProcess({ hasMemory: false });
  const newest = async (): Promise<string | undefined> => (await client.get('shop:tag:!db'))?.split(',')[0];
  let id = await newest();
  await world.fetch({ tags });
  await world.cache.flush();
  expect(await newest()).toBe(id);
  for (const spoil of [
    () => client.unlink('shop:tag:!db'),
    () => client.set('shop:tag:!db', '\u{1f600} text', 'PX', 60_000),
    () => client.lpush('shop:tag:!db', 'a list'),
    () => client.flushall(),
  ]) {
    await client.unlink('shop:tag:!db');
    await spoil();
    await world.fetch({ tags });
    expect(await world.outcome({ tags })).toMatchObject({ state: 'hit' });
    expect(await client.get('shop:tag:!db')).toContain(`,${id}`);
    id = await newest();
    expect(await client.pttl('shop:tag:!db')).toBeGreaterThan(86_400_000);
  }
});
