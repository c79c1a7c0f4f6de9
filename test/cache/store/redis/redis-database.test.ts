// A store uses the database that it was created for, or none.
import { inspect } from 'node:util';
import type { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { createRedisStore, type CacheError, type RedisStoreOptions } from '../../../../src/cache/index.ts';
import { startTestRedis, type TestRedis } from '../../../support/redis.ts';
import { newWorld, redisClient, TestClock, times, withResolvers, type World } from '../../world.ts';

interface CacheOnTarget {
  readonly fetches: () => Promise<unknown[]>;
  readonly faults: readonly CacheError[];
  readonly world: World;
}

/** A cache with a memory tier on a Redis store; waits for the first fault if one is expected. */
async function newCacheOn(target: Partial<RedisStoreOptions>, isFaultExpected = false): Promise<CacheOnTarget> {
  const faults: CacheError[] = [];
  const { promise: firstFault, resolve } = withResolvers<void>();
  const onError = (error: CacheError): void => (faults.push(error), resolve());
  const options = { namespace: 'shop', deadlineMs: 20_000, onError, ...target } as RedisStoreOptions;
  const clock = new TestClock();
  const world = await newWorld(await createRedisStore(options), { clock, memoryBytesMax: 1_000_000 });
  if (isFaultExpected) await firstFault;
  const fetches = (): Promise<unknown[]> => Promise.all(times(3, (id) => world.fetch({ args: { id }, tags: ['t'] })));
  return { fetches, faults, world };
}

async function newServer(): Promise<{ server: TestRedis; client: Redis }> {
  const server = await startTestRedis();
  onTestFinished(() => server.stop());
  return { server, client: await redisClient(server.socketPath) };
}

/** Collects the commands that the server receives from now on, as `<database> <name>`; the result returns them. */
async function monitored(client: Redis): Promise<() => Promise<string[]>> {
  const monitor = await client.monitor();
  onTestFinished(() => monitor.disconnect());
  const names: string[] = [];
  let ended = (): void => {};
  monitor.on('monitor', (_time, [name = '', word = ''], _source, database) => {
    if (name === 'echo' && word === 'end') ended();
    else if (name !== 'echo') names.push(`${database} ${name}`.toLowerCase());
  });
  return async () => {
    const { promise, resolve } = withResolvers<void>();
    ended = resolve;
    await client.echo('end');
    await promise;
    return names;
  };
}

it('sends no command to another database if the configured one does not exist, and the error names it', async () => {
  const { server, client } = await newServer();
  const commands = await monitored(client);
  const one = await newCacheOn({ address: `${server.socketPath}?db=99` }, true);
  const two = await newCacheOn({ address: `${server.socketPath}?db=98` }, true);
  one.world.source.gives('of one');
  two.world.source.gives('of two');
  expect(await one.fetches()).toEqual(times(3, () => 'of one'));
  expect(await two.fetches()).toEqual(times(3, () => 'of two'));
  for (const _ of times(50, Number)) one.world.clock.advance(100);
  await expect(one.world.cache.invalidate(['t'])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  await expect(one.world.cache.flush()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  expect((await commands()).filter((command) => !/^0 (select|client)$/.test(command))).toEqual([]);
  expect(one.faults[0]).toMatchObject({
    code: 'STORE_REFUSED',
    message: 'Redis does not select database 99, and no other is used: ERR DB index is out of range',
  });
  expect(one.world.trace.events.find(({ type }) => type === 'store-failed')).toMatchObject({
    error: { code: 'STORE_UNAVAILABLE', message: expect.stringContaining('database 99') },
  });
});

it('uses no other database after the user loses the permission to select, on either connection', async () => {
  const { server, client } = await newServer();
  const permissions = ['on', '>word', '~*', '&*', '+@all'];
  await client.acl('SETUSER', 'shop', ...permissions);
  const target = { client: { path: server.socketPath, username: 'shop', password: 'word', db: 3 } };
  const { fetches, faults, world } = await newCacheOn(target);
  await fetches();
  await client.select(3);
  expect(await client.dbsize()).toBeGreaterThan(3);
  await client.flushdb();
  await client.select(0);

  await client.acl('SETUSER', 'shop', '-select');
  const commands = await monitored(client);
  await client.call('CLIENT', 'KILL', 'USER', 'shop');
  await expect.poll(() => faults.length, { timeout: 20_000 }).toBeGreaterThan(2);
  await fetches();
  for (const _ of times(50, Number)) world.clock.advance(100);
  expect((await commands()).filter((command) => !/^0 (select|client|auth|info|acl)$/.test(command))).toEqual([]);
  expect(await client.dbsize()).toBe(0);
  expect(faults.at(-1)).toMatchObject({ code: 'STORE_REFUSED', message: expect.stringContaining('NOPERM') });

  await client.acl('SETUSER', 'shop', '+select');
  const isStored = async (): Promise<string> => {
    world.clock.advance(1_000);
    await fetches();
    return (await world.outcome({ args: { id: 0 }, tags: ['t'] })).state;
  };
  await expect.poll(isStored, { timeout: 20_000 }).toBe('hit');
  expect(await client.dbsize()).toBe(0);
});

it('needs no permission to select database 0', async () => {
  const { server, client } = await newServer();
  await client.acl('SETUSER', 'shop', 'on', '>word', '~*', '&*', '+@all', '-select');
  const target = { client: { path: server.socketPath, username: 'shop', password: 'word', db: 0 } };
  const { fetches, faults, world } = await newCacheOn(target);
  await fetches();
  expect(await world.outcome({ args: { id: 0 }, tags: ['t'] })).toMatchObject({ state: 'hit' });
  expect(faults).toEqual([]);
});

it('keeps two caches apart that share a server and a namespace but use different databases', async () => {
  const { server } = await newServer();
  const one = await newCacheOn({ address: `${server.socketPath}?db=1` });
  const two = await newCacheOn({ address: `${server.socketPath}?db=2` });
  one.world.source.gives('of one');
  two.world.source.gives('of two');
  await one.fetches();
  expect(await two.fetches()).toEqual(times(3, () => 'of two'));
});

it.each<[string, unknown, string]>([
  ['an unknown parameter', { address: '/abc?x=1' }, 'the parameter "x"'],
  ['an address without a host', { address: 'redis:///path' }, 'without a host'],
  ['a database that is not a number', { address: 'redis://127.0.0.1/abc' }, 'the path "/abc"'],
  ['options without a server', {}, 'got neither'],
  ['two servers', { address: 'redis://a', client: { host: 'a' } }, 'got both'],
  ['an unknown option', { adress: 'redis://a' }, 'unknown option "adress"'],
  [
    'a namespace that is undefined',
    { address: 'redis://a', namespace: undefined },
    'namespace must be a text, got undefined',
  ],
  ['a malformed namespace', { address: 'redis://a', namespace: 'A:b' }, 'a namespace is'],
  ['a textual deadline', { address: 'redis://a', deadlineMs: '100ms' }, 'deadlineMs must be a number of milliseconds'],
  ['a clock without methods', { address: 'redis://a', clock: {} }, 'clock must be a clock'],
  ['a text as listener', { address: 'redis://a', onError: 'log' }, 'onError must be a function, got "log"'],
])('rejects %s with a CacheError', async (_, options, message) => {
  const creating = createRedisStore({ namespace: 'shop', ...(options as { address: string }) });
  await expect(creating).rejects.toMatchObject({ name: 'CacheError', message: expect.stringContaining(message) });
});

it('rejects an address in place of the options without repeating it', async () => {
  const creating = createRedisStore('redis://:secret-word@a' as never);
  await expect(creating).rejects.toMatchObject({
    code: 'INVALID_OPTIONS',
    message: expect.not.stringContaining('secret-word'),
  });
});

it('reports a Unix socket that does not exist, and still loads values', async () => {
  const { fetches, faults } = await newCacheOn({ address: '/abc' }, true);
  expect(await fetches()).toEqual(times(3, () => 'value'));
  expect(faults[0]).toMatchObject({ code: 'STORE_UNAVAILABLE', message: expect.stringContaining('ENOENT') });
});

it('reports a wrong password without repeating it', async () => {
  const { server, client } = await newServer();
  await client.config('SET', 'requirepass', 'right');
  const { faults } = await newCacheOn({ client: { path: server.socketPath, password: 'secret-word' } }, true);
  expect(faults[0]).toMatchObject({ code: 'STORE_REFUSED', message: expect.stringContaining('WRONGPASS') });
  expect(inspect(faults, { depth: 9, showHidden: true })).not.toContain('secret-word');
});
