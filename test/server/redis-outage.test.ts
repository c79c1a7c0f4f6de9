import { expect, it, onTestFinished } from 'vitest';
import { startTestRedis, type TestRedis } from '../support/redis.ts';
import { startServer, type RunningServer } from './start-server.ts';

it('answers every request while Redis is killed, restarted, paused and resumed, and refills the cache', async () => {
  const { redis, server } = await newWorld();
  const traffic = startTraffic(server);
  await traffic.untilState('hit');

  redis.kill('SIGKILL');
  await traffic.untilState('miss');
  await traffic.untilMore(100);
  await redis.restart();
  await traffic.untilState('hit');

  redis.kill('SIGSTOP');
  await traffic.untilState('miss');
  await traffic.untilMore(100);
  redis.kill('SIGCONT');
  await traffic.untilState('hit');

  redis.kill('SIGSTOP');
  await traffic.untilState('miss');
  await redis.restart();
  await traffic.untilState('hit');

  expect(await traffic.stop()).toEqual([]);
});

it('starts and answers without Redis, and uses Redis once it is available', async () => {
  const { redis, server } = await newWorld({ isRedisDown: true });
  const row = await server.row('{ categoryStats { id } }');
  expect(row).toMatchObject({ state: 'miss' });
  expect(row).not.toHaveProperty('ttlMs');
  expect((await server.get('/readyz')).status).toBe(200);
  await redis.restart();
  await expect.poll(async () => (await server.row('{ categoryStats { id } }')).state).toBe('hit');
});

it('returns CACHE_UNAVAILABLE for flushCache and cacheStats.keys while Redis is unavailable', async () => {
  const { redis, server } = await newWorld();
  await server.row('{ categoryStats { id } }');
  redis.kill('SIGKILL');
  const unavailable = [{ message: 'The cache cannot be reached.', extensions: { code: 'CACHE_UNAVAILABLE' } }];
  const flushed = await server.ask('mutation { flushCache { keysRemoved } }');
  expect(flushed.errors).toMatchObject(unavailable);
  expect((await server.ask('{ cacheStats { keys } }')).errors).toMatchObject(unavailable);
  // The counters of this process do not need Redis.
  expect(await server.ask('{ cacheStats { hits misses hitRate backend } }')).toMatchObject({
    errors: [],
    data: { cacheStats: { hits: 0, misses: 1, hitRate: 0, backend: 'REDIS' } },
  });
  expect(flushed.text).not.toMatch(/redis|sock|ECONN/i);
});

async function newWorld({ isRedisDown = false } = {}): Promise<{ redis: TestRedis; server: RunningServer }> {
  const redis = await startTestRedis();
  onTestFinished(() => redis.stop());
  if (isRedisDown) redis.kill('SIGKILL');
  return { redis, server: await startServer({ redis: redis.socketPath, deadlineMs: 500 }) };
}

/** Eight clients that send requests without a pause, for four keys. */
function startTraffic(server: RunningServer) {
  const stopped = new AbortController();
  let answered = 0;
  const counts = new Map<string, number>();
  const countOf = (state: string): number => counts.get(state) ?? 0;
  const failed: unknown[] = [];
  const client = async (limit: number): Promise<void> => {
    while (!stopped.signal.aborted) {
      try {
        const { status, errors, report } = await server.ask(`{ searchProducts(limit: ${limit}) { id } }`);
        if (status !== 200 || errors.length > 0) failed.push(status, ...errors);
        const state = report?.fields[0]?.state ?? 'none';
        counts.set(state, countOf(state) + 1);
      } catch (error) {
        failed.push(error);
      }
      answered += 1;
    }
  };
  const clients = Promise.all(Array.from({ length: 8 }, (_, index) => client(1 + (index % 4))));
  return {
    /** Waits for more than ten further requests with this state, so that those already running have ended. */
    async untilState(state: string): Promise<void> {
      const target = countOf(state) + 10;
      await expect.poll(() => countOf(state), { interval: 5 }).toBeGreaterThan(target);
    },
    async untilMore(count: number): Promise<void> {
      const target = answered + count;
      await expect.poll(() => answered).toBeGreaterThan(target);
    },
    /** Stops the clients, and returns all failures. */
    async stop(): Promise<unknown[]> {
      stopped.abort();
      await clients;
      return failed;
    },
  };
}
