// A store that connects as the caller's own ioredis client does, or as its options say.
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createRedisStore, type RedisClient } from '../../../../src/cache/index.ts';
import { startTestRedis } from '../../../support/redis.ts';
import { certificate, newTlsProxy } from '../../../support/tls-proxy.ts';
import { newWorld, redisClient, TestClock, withResolvers, type World } from '../../world.ts';

async function newServer(): Promise<{ socketPath: string; admin: Redis }> {
  const server = await startTestRedis();
  onTestFinished(() => server.stop());
  return { socketPath: server.socketPath, admin: await redisClient(server.socketPath) };
}

type ClientOptions = Omit<RedisOptions, 'replyMapping'>;

function newClient(options: ClientOptions): Redis {
  const client = new Redis({ lazyConnect: true, ...options });
  client.on('error', () => {});
  onTestFinished(() => client.disconnect());
  return client;
}

async function newWorldOn(client: RedisClient | RedisOptions): Promise<World> {
  const clock = new TestClock();
  const store = await createRedisStore({ client, namespace: 'shop', deadlineMs: 20_000, clock });
  return newWorld(store, { clock, memoryBytesMax: 1_000_000 });
}

/** Reads until the memory tier answers, which needs both connections. */
async function expectBothTiers({ cache, clock, fetch, outcome }: World): Promise<void> {
  await fetch({ strict: true });
  expect(await outcome({ strict: true })).toMatchObject({ state: 'hit', tier: 'redis' });
  const patiently = { interval: 5, timeout: 20_000 };
  await expect.poll(() => (clock.advance(100), cache.memory?.isCoherent), patiently).toBe(true);
  await expect.poll(async () => (await outcome()).tier, patiently).toBe('memory');
}

it('goes on where the secret store is away, and tells it', async () => {
  const { socketPath, admin } = await newServer();
  let isAway = false;
  const client = {
    path: socketPath,
    get password(): string | undefined {
      if (isAway) throw new Error('the secret store is away');
      return undefined;
    },
  };
  const told: string[] = [];
  const onError = ({ message }: Error): void => void told.push(message);
  const store = await createRedisStore({ client: client as RedisOptions, namespace: 'shop', onError });
  onTestFinished(() => store.close());
  isAway = true;
  await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  await expect.poll(() => told.join(), { timeout: 20_000 }).toContain('the secret store is away');
  const pinged = (): Promise<boolean> =>
    store.ping().then(
      () => true,
      () => false,
    );
  await expect.poll(pinged, { timeout: 20_000 }).toBe(true);
});

it('goes on where the callbacks of the caller throw or reject', async () => {
  const { socketPath, admin } = await newServer();
  const heard: string[] = [];
  const onReady = (): void => {
    heard.push('ready');
    throw new Error('onReady');
  };
  // A function that returns nothing may be async.
  const onError = (): unknown => {
    heard.push('error');
    return Promise.reject(new Error('onError'));
  };
  const store = await createRedisStore({ address: socketPath, namespace: 'shop', onReady, onError });
  onTestFinished(() => store.close());
  const warned: string[] = [];
  const hearWarning = ({ message }: Error): void => void warned.push(message);
  process.on('warning', hearWarning);
  onTestFinished(() => void process.off('warning', hearWarning));
  await admin.config('SET', 'requirepass', 'word');
  await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  await expect.poll(() => warned.join(), { timeout: 20_000 }).toContain('a callback threw Error: onError');
  expect(heard).toContain('ready');
});

describe('connects by the client of the caller', () => {
  it.each<[string, (options: ClientOptions) => RedisClient | RedisOptions]>([
    ['itself', newClient],
    ['or its options', (options) => options],
  ])('%s: TLS, user, password and database', async (_, clientOf) => {
    const { socketPath, admin } = await newServer();
    await admin.acl('SETUSER', 'shop', 'on', '>word', '~*', '&*', '+@all');
    const port = await newTlsProxy(socketPath);
    const tls = { ca: certificate };
    const client = clientOf({ host: '127.0.0.1', port, tls, username: 'shop', password: 'word', db: 2 });
    await expectBothTiers(await newWorldOn(client));
    expect(await admin.dbsize()).toBe(0);
    await admin.select(2);
    expect(await admin.exists('shop:Query:field')).toBe(1);
  });

  it('whatever it does with its own commands, and leaves it alone', async () => {
    const { socketPath } = await newServer();
    const client = newClient({
      path: socketPath,
      protocol: 3,
      stringNumbers: true,
      enableAutoPipelining: true,
      retryStrategy: null,
      readOnly: true,
    });
    await client.set('theirs', 'value');
    const world = await newWorldOn(client);
    await expectBothTiers(world);
    await world.cache.close();
    expect(client.status).toBe('ready');
    expect(await client.get('theirs')).toBe('value');
  });

  it('which need not be connected, and is not connected by this', async () => {
    const { socketPath } = await newServer();
    const client = newClient({ path: socketPath });
    await expectBothTiers(await newWorldOn(client));
    expect(client.status).toBe('wait');
  });

  it('with the password that it has by then, on each connection', async () => {
    const { socketPath, admin } = await newServer();
    await admin.acl('SETUSER', 'shop', 'on', '>old', '~*', '&*', '+@all');
    const client = newClient({ path: socketPath, username: 'shop', password: 'old' });
    const ready = withResolvers<void>();
    let connections = 0;
    const store = await createRedisStore({
      client,
      namespace: 'shop',
      deadlineMs: 20_000,
      onReady: () => (connections += 1) === 2 && ready.resolve(),
    });
    onTestFinished(() => store.close());
    client.options.password = 'new';
    await admin.acl('SETUSER', 'shop', 'resetpass', '>new');
    await admin.call('CLIENT', 'KILL', 'USER', 'shop');
    await ready.promise;
    await expect(store.ping()).resolves.toBeUndefined();
  });
});

const cluster = (): Cluster => {
  const client = new Cluster([{ host: '127.0.0.1', port: 1 }], { lazyConnect: true });
  onTestFinished(() => client.disconnect());
  return client;
};

it.each<[string, () => unknown, string]>([
  ['a prefix of keys', () => ({ host: 'a', keyPrefix: 'x:' }), 'client.keyPrefix must be empty'],
  ['the same of a client', () => newClient({ host: 'a', keyPrefix: 'x:' }), 'client.keyPrefix must be empty'],
  ['a Cluster', cluster, 'got a Cluster, which is not supported'],
  ['replicas', () => ({ sentinels: [{ host: 'a' }], name: 'm', role: 'slave' }), 'client.role must be "master"'],
  ['a database that is no number', () => ({ host: 'a', db: 1.5 }), 'client.db must be a whole number from 0, got 1.5'],
  ['the same of a client', () => newClient({ host: 'a', db: Number('x') }), 'client.db must be a whole number'],
  ['an option that ioredis lacks', () => ({ host: 'a', passwrod: 'secret' }), 'client.passwrod is not an option'],
  ['options without a server', () => ({ password: 'secret' }), 'client must name a server'],
  ['a client of another library', () => ({ options: {}, connect() {} }), 'got a client of another library'],
  ['an address', () => 'redis://:secret@a', 'client must be an ioredis client or its options, got string'],
])('rejects %s', async (_, clientOf, message) => {
  const creating = createRedisStore({ client: clientOf() as RedisOptions, namespace: 'shop' });
  await expect(creating).rejects.toMatchObject({ code: 'INVALID_OPTIONS', message: expect.stringContaining(message) });
  await expect(creating).rejects.not.toThrow('secret');
});
