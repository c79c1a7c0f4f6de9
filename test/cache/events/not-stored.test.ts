// What the report of a request says if a value was not stored because of the store.
import { describe, expect, it, onTestFinished } from 'vitest';
import { createRedisStore } from '../../../src/cache/index.ts';
import { startTestRedis, type TestRedis } from '../../support/redis.ts';
import { newWorld, redisClient, tiers, times, type World } from '../world.ts';

async function newServerWorld(): Promise<{ server: TestRedis; world: World }> {
  const server = await startTestRedis();
  onTestFinished(() => server.stop());
  const store = await createRedisStore({ address: server.socketPath, namespace: 'shop', deadlineMs: 20_000 });
  return { server, world: await newWorld(store) };
}

it.each(tiers)('a value whose tag is invalidated during its load is reported as not stored (%s)', async (tier) => {
  const { outcome, cache, source } = await newWorld(tier);
  const held = source.hold();
  const loaded = outcome({ tags: ['books'] });
  await held.begun;
  await cache.invalidate(['books']);
  held.give('old');
  expect(await loaded).toMatchObject({
    value: 'old',
    ttlMs: null,
    notStored: 'a tag was invalidated during the load, or the store has no room for tokens',
  });
  source.gives('new');
  expect(await outcome({ tags: ['books'] })).toMatchObject({ state: 'miss', value: 'new', ttlMs: 60_000 });
});

describe('a value is not stored, and the report says that the store', () => {
  it.each([['-set'], ['-evalsha']])('refused a command, if its user has the rule %s', async (rule) => {
    const { server, world } = await newServerWorld();
    await (await redisClient(server.socketPath)).call('ACL', 'SETUSER', 'default', rule);
    for (const _ of times(2, Number)) {
      expect(await world.outcome({ tags: ['books'] })).toMatchObject({
        value: 'value',
        notStored: 'the store refused a command',
      });
    }
  });

  it('is not available, if it was killed', async () => {
    const { server, world } = await newServerWorld();
    server.kill('SIGKILL');
    expect(await world.outcome()).toMatchObject({ value: 'value', notStored: 'the store is not available' });
  });
});
