// What the server tells its console, besides what every client sees.
import { describe, expect, it, onTestFinished } from 'vitest';
import { startRestartableRedis, type RestartableRedis } from '../../src/embedded/index.ts';
import { TestClock } from '../cache/world.ts';
import { startTestRedis } from '../support/redis.ts';
import { startServer, type RunningServer } from './start-server.ts';

interface Snapshot {
  at: number;
  hits: number;
  misses: number;
  loads: number;
  keys: number | null;
  memoryUsed: number | null;
  backend: string;
  isStoreAvailable: boolean;
  isCircuitOpen: boolean;
  events: { at: number; kind: string; detail: string }[];
}

const all = 'at hits misses loads keys memoryUsed backend isStoreAvailable isCircuitOpen events { at kind detail }';

async function snapshotOf(server: RunningServer, since?: number): Promise<Snapshot> {
  const query = `query ($since: Float) { cacheSnapshot(since: $since) { ${all} } }`;
  const { data, errors } = await server.ask<{ cacheSnapshot: Snapshot }>(query, { since });
  expect(errors).toEqual([]);
  return data.cacheSnapshot;
}

const settings = '{ console { simulatedLatency { field ms } hasPrivateRedis redisCli } }';

describe('console', () => {
  it('has the simulated latency, and the command that opens the Redis', async () => {
    const server = await startServer({ simulateLatency: true, redis: '/tmp/no-redis-is-here.sock' });
    expect((await server.ask(settings)).data).toEqual({
      console: {
        simulatedLatency: [
          { field: 'Query.categoryStats', ms: 300 },
          { field: 'Query.searchProducts', ms: 250 },
          { field: 'Query.topProducts', ms: 350 },
        ],
        hasPrivateRedis: false,
        redisCli: 'redis-cli -s /tmp/no-redis-is-here.sock',
      },
    });
  });

  it('has no simulated latency if it is off, and no command for the memory store', async () => {
    const server = await startServer({ redis: null });
    expect((await server.ask(settings)).data).toMatchObject({ console: { simulatedLatency: [], redisCli: null } });
  });

  it('names fields that exist, with the latency that they have', async () => {
    const server = await startServer({ simulateLatency: true, redis: null });
    const { data } = await server.ask<{ console: { simulatedLatency: { field: string; ms: number }[] } }>(settings);
    for (const { field, ms } of data.console.simulatedLatency) {
      const { durationMs } = await server.row(`{ ${field.replace('Query.', '')} { id } }`);
      expect(durationMs).toBeGreaterThan(ms - 1);
    }
  });
});

describe.each(['REDIS', 'MEMORY'])('cacheSnapshot on the store %s', (backend) => {
  const start = (): Promise<RunningServer> => startServer(backend === 'MEMORY' ? { redis: null } : {});

  it('has the counts of this process, and what the store holds', async () => {
    const server = await start();
    const empty = await snapshotOf(server);
    expect(empty).toMatchObject({ hits: 0, misses: 0, loads: 0, keys: 0, backend, events: [] });
    expect(empty).toMatchObject({ isStoreAvailable: true, isCircuitOpen: false });
    for (const field of ['categoryStats', 'categoryStats', 'topProducts']) await server.row(`{ ${field} { id } }`);
    await expect.poll(async () => (await snapshotOf(server)).keys, { interval: 200 }).toBe(2);
    const { hits, misses, loads, memoryUsed } = await snapshotOf(server);
    expect([hits, misses, loads]).toEqual([1, 2, 2]);
    expect(memoryUsed).toBeGreaterThan(100);
  });

  it('has what has happened to the cache, once for a client that passes the time of its previous snapshot', async () => {
    const server = await start();
    const startedMs = Date.now();
    await server.row('{ categoryStats { id } }');
    await server.cache.invalidate(['products', 'categories:3']);
    await server.ask('mutation { flushCache { keysRemoved } }');
    const { at, events } = await snapshotOf(server);
    expect(events).toEqual([
      { at: expect.any(Number), kind: 'INVALIDATION', detail: 'products, categories:3' },
      { at: expect.any(Number), kind: 'FLUSH', detail: '1 key removed' },
    ]);
    for (const event of events) expect(event.at).toBeGreaterThanOrEqual(startedMs);
    expect((await snapshotOf(server, at)).events).toEqual([]);
    await server.ask('mutation { flushCache { keysRemoved } }');
    expect((await snapshotOf(server, at)).events).toMatchObject([{ kind: 'FLUSH', detail: '0 keys removed' }]);
    expect((await snapshotOf(server)).events).toHaveLength(3);
  });

  it('is never answered from the response cache, and not stored', async () => {
    const server = await start();
    const before = server.executions();
    for (let again = 0; again < 3; again += 1) await snapshotOf(server);
    expect(server.executions() - before).toBe(3);
    const { headers } = await server.get(`/graphql?query=${encodeURIComponent('{ cacheSnapshot { at } }')}`);
    expect(headers.get('cache-control')).toBe('private, no-cache');
  });
});

describe('cacheSnapshot while Redis is unavailable', () => {
  it('has everything but what Redis holds, and events when Redis is lost and back', async () => {
    const redis = await startTestRedis();
    onTestFinished(() => redis.stop());
    const server = await startServer({ redis: redis.socketPath, deadlineMs: 500 });
    await server.row('{ categoryStats { id } }');
    redis.kill('SIGKILL');
    await expect.poll(() => snapshotOf(server)).toMatchObject({ isStoreAvailable: false, events: [{}] });
    expect(await snapshotOf(server)).toMatchObject({ keys: null, memoryUsed: null, hits: 0, misses: 1, loads: 1 });
    await redis.restart();
    await expect.poll(() => snapshotOf(server)).toMatchObject({ isStoreAvailable: true, keys: 0 });
    // If the restart takes long, the circuit opens as well.
    const events = (await snapshotOf(server)).events.filter(({ kind }) => kind.startsWith('STORE'));
    expect(events).toMatchObject([{ kind: 'STORE_UNAVAILABLE' }, { kind: 'STORE_AVAILABLE' }]);
    expect(events[0]?.detail).toMatch(/^Redis (cannot be reached|has closed the connection)/);
  });

  it('says so from the first one on if the server starts without Redis', async () => {
    const server = await startServer({ redis: '/tmp/no-redis-is-here.sock' });
    expect(await snapshotOf(server)).toMatchObject({ isStoreAvailable: false, keys: null, memoryUsed: null });
  });

  it('says that the circuit is open, and when it has closed', async () => {
    const redis = await startTestRedis();
    onTestFinished(() => redis.stop());
    const server = await startServer({ redis: redis.socketPath, deadlineMs: 500 });
    redis.kill('SIGKILL');
    const circuit = async (): Promise<boolean> => {
      await server.row('{ categoryStats { id } }');
      return (await snapshotOf(server)).isCircuitOpen;
    };
    await expect.poll(circuit, { interval: 5 }).toBe(true);
    await redis.restart();
    await expect.poll(circuit, { interval: 5 }).toBe(false);
    const kinds = (await snapshotOf(server)).events.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind.startsWith('CIRCUIT'))).toEqual(['CIRCUIT_OPENED', 'CIRCUIT_CLOSED']);
  });
});

describe('stopRedis and startRedis', () => {
  const newPrivateRedis = async (): Promise<RestartableRedis> => {
    const redis = await startRestartableRedis();
    if (redis === null) throw new Error('no redis-server on the PATH');
    onTestFinished(() => redis.close());
    return redis;
  };

  it('stop the private Redis and start it again, empty, and the cache uses it again', async () => {
    const privateRedis = await newPrivateRedis();
    const server = await startServer({ redis: privateRedis.socketPath, shopConsole: { privateRedis } });
    expect((await server.ask('{ console { hasPrivateRedis } }')).data).toEqual({ console: { hasPrivateRedis: true } });
    await server.row('{ categoryStats { id } }');
    for (let again = 0; again < 2; again += 1)
      expect((await server.ask('mutation { stopRedis }')).data).toEqual({ stopRedis: true });
    // An attempt to connect has to fail before the loss is an event.
    const events = [{ kind: 'STORE_UNAVAILABLE' }];
    await expect.poll(() => snapshotOf(server)).toMatchObject({ isStoreAvailable: false, keys: null, events });
    expect((await server.row('{ categoryStats { id } }')).state).toBe('miss');
    for (let again = 0; again < 2; again += 1)
      expect((await server.ask('mutation { startRedis }')).data).toEqual({ startRedis: true });
    await expect.poll(async () => (await server.row('{ categoryStats { id } }')).state).toBe('hit');
    expect((await snapshotOf(server)).events).toMatchObject([...events, { kind: 'STORE_AVAILABLE' }]);
  });

  it('leave it stopped for a minute at most, as after the page that stopped it was closed', async () => {
    const privateRedis = await newPrivateRedis();
    const clock = new TestClock();
    const server = await startServer({ redis: privateRedis.socketPath, shopConsole: { privateRedis, clock } });
    await server.ask('mutation { stopRedis }');
    await expect.poll(() => snapshotOf(server)).toMatchObject({ isStoreAvailable: false, keys: null });
    clock.advance(60_000);
    await expect.poll(() => snapshotOf(server)).toMatchObject({ isStoreAvailable: true, keys: 0 });
  });

  it('are refused without a private Redis', async () => {
    const server = await startServer();
    expect((await server.ask('{ console { hasPrivateRedis } }')).data).toEqual({ console: { hasPrivateRedis: false } });
    for (const field of ['stopRedis', 'startRedis']) {
      const { errors } = await server.ask(`mutation { ${field} }`);
      expect(errors).toMatchObject([{ extensions: { code: 'NO_PRIVATE_REDIS' } }]);
    }
  });

  it('say why Redis does not start', async () => {
    const extraArgs: string[] = [];
    const privateRedis = await startRestartableRedis({ extraArgs });
    if (privateRedis === null) throw new Error('no redis-server on the PATH');
    onTestFinished(() => privateRedis.close());
    const server = await startServer({ redis: privateRedis.socketPath, shopConsole: { privateRedis } });
    await server.ask('mutation { stopRedis }');
    extraArgs.push('--no-such-setting', '1');
    const { errors } = await server.ask('mutation { startRedis }');
    expect(errors).toMatchObject([{ extensions: { code: 'REDIS_FAILED' } }]);
    expect(errors[0]?.message).toMatch(/^Redis: redis-server ended too early[^]*no-such-setting/);
  });

  it('need the admin token if there is one', async () => {
    const privateRedis = await newPrivateRedis();
    const overrides = { redis: privateRedis.socketPath, shopConsole: { privateRedis }, adminToken: 'secret' };
    const server = await startServer(overrides);
    const { status, errors } = await server.ask('mutation { stopRedis }');
    expect([status, errors[0]?.extensions?.code]).toEqual([401, 'UNAUTHENTICATED']);
    expect(await snapshotOf(server)).toMatchObject({ isStoreAvailable: true, keys: 0 });
  });
});

describe('with CONSOLE=off', () => {
  const mutations = ['mutation { stopRedis }', 'mutation { startRedis }'];
  it.each(['{ console { redisCli } }', '{ cacheSnapshot { at } }', ...mutations])('there is no %s', async (query) => {
    const server = await startServer({ hasConsole: false });
    const { errors } = await server.ask(query);
    expect(errors).toMatchObject([{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }]);
    expect(errors[0]?.message).toMatch(/^Cannot query field/);
  });

  it('@include and @skip still work', async () => {
    const server = await startServer({ hasConsole: false });
    const query = '{ categoryStats @include(if: false) { id } __typename @skip(if: false) }';
    expect((await server.ask(query)).data).toEqual({ __typename: 'Query' });
  });
});
