// A store that connects with the options of an ioredis client of the caller.
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

/** Reads until the memory tier serves the value, which requires both connections. */
async function expectBothTiers({ cache, clock, fetch, outcome }: World): Promise<void> {
  await fetch({ strict: true });
  expect(await outcome({ strict: true })).toMatchObject({ state: 'hit', tier: 'redis' });
  const pollOptions = { interval: 5, timeout: 20_000 };
  await expect.poll(() => (clock.advance(100), cache.memory?.isCoherent), pollOptions).toBe(true);
  await expect.poll(async () => (await outcome()).tier, pollOptions).toBe('memory');
}

it('reports a password getter that throws, and reconnects with the previous password', async () => {
  const { socketPath, admin } = await newServer();
  let isUnavailable = false;
  const client = {
    path: socketPath,
    get password(): string | undefined {
      if (isUnavailable) throw new Error('the secret store is away');
      return undefined;
    },
  };
  const messages: string[] = [];
  const onError = ({ message }: Error): void => void messages.push(message);
  const store = await createRedisStore({ client: client as RedisOptions, namespace: 'shop', onError });
  onTestFinished(() => store.close());
  isUnavailable = true;
  await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  await expect.poll(() => messages.join(), { timeout: 20_000 }).toContain('the secret store is away');
  const isReachable = (): Promise<boolean> =>
    store.ping().then(
      () => true,
      () => false,
    );
  await expect.poll(isReachable, { timeout: 20_000 }).toBe(true);
});

it('reports callbacks of the caller that throw or reject as process warnings', async () => {
  const { socketPath, admin } = await newServer();
  const called: string[] = [];
  const onReady = (): void => {
    called.push('ready');
    throw new Error('onReady');
  };
  // A function that returns nothing may be async.
  const onError = (): unknown => {
    called.push('error');
    return Promise.reject(new Error('onError'));
  };
  const store = await createRedisStore({ address: socketPath, namespace: 'shop', onReady, onError });
  onTestFinished(() => store.close());
  const warnings: string[] = [];
  const onWarning = ({ message }: Error): void => void warnings.push(message);
  process.on('warning', onWarning);
  onTestFinished(() => void process.off('warning', onWarning));
  await admin.config('SET', 'requirepass', 'word');
  await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  await expect.poll(() => warnings.join(), { timeout: 20_000 }).toContain('a callback threw Error: onError');
  expect(called).toContain('ready');
});

describe('connects with an ioredis client of the caller', () => {
  it.each<[string, (options: ClientOptions) => RedisClient | RedisOptions]>([
    ['a client', newClient],
    ['the options of a client', (options) => options],
  ])('from %s: TLS, user, password and database', async (_, clientOf) => {
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

  it('whatever its command options are, without changing or closing it', async () => {
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

  it('that need not be connected, and stays unconnected', async () => {
    const { socketPath } = await newServer();
    const client = newClient({ path: socketPath });
    await expectBothTiers(await newWorldOn(client));
    expect(client.status).toBe('wait');
  });

  it('with its current password, on each new connection', async () => {
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
  ['options with a key prefix', () => ({ host: 'a', keyPrefix: 'x:' }), 'client.keyPrefix must be empty'],
  ['a client with a key prefix', () => newClient({ host: 'a', keyPrefix: 'x:' }), 'client.keyPrefix must be empty'],
  ['a Cluster', cluster, 'got a Cluster, which is not supported'],
  ['replicas', () => ({ sentinels: [{ host: 'a' }], name: 'm', role: 'slave' }), 'client.role must be "master"'],
  ['a fractional database', () => ({ host: 'a', db: 1.5 }), 'client.db must be a whole number from 0, got 1.5'],
  ['a client with db: NaN', () => newClient({ host: 'a', db: Number('x') }), 'client.db must be a whole number'],
  ['an option unknown to ioredis', () => ({ host: 'a', passwrod: 'secret' }), 'client.passwrod is not an option'],
  ['options without a server', () => ({ password: 'secret' }), 'client must name a server'],
  ['a client of another library', () => ({ options: {}, connect() {} }), 'got a client of another library'],
  ['an address', () => 'redis://:secret@a', 'client must be an ioredis client or its options, got string'],
])('rejects %s', async (_, clientOf, message) => {
  const creating = createRedisStore({ client: clientOf() as RedisOptions, namespace: 'shop' });
  await expect(creating).rejects.toMatchObject({ code: 'INVALID_OPTIONS', message: expect.stringContaining(message) });
  await expect(creating).rejects.not.toThrow('secret');
});
