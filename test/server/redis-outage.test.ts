import { expect, it, onTestFinished } from 'vitest';
import { startTestRedis, type TestRedis } from '../support/redis.ts';
import { startServer, type RunningServer } from './start-server.ts';

it('answers every request while Redis is killed, started, frozen and thawed, and fills the cache again', async () => {
  const { redis, server } = await newWorld();
  const load = startLoad(server);
  await load.untilState('hit');

  redis.kill('SIGKILL');
  await load.untilState('miss');
  await load.untilMore(100);
  await redis.restart();
  await load.untilState('hit');

  redis.kill('SIGSTOP');
  await load.untilState('miss');
  await load.untilMore(100);
  redis.kill('SIGCONT');
  await load.untilState('hit');

  redis.kill('SIGSTOP');
  await load.untilState('miss');
  await redis.restart();
  await load.untilState('hit');

  expect(await load.stop()).toEqual([]);
});

it('starts and answers without Redis, and uses it when it comes', async () => {
  const { redis, server } = await newWorld({ isAway: true });
  expect(await server.row('{ categoryStats { id } }')).toMatchObject({ state: 'miss', ageMs: null, ttlMs: null });
  expect((await server.get('/readyz')).status).toBe(200);
  await redis.restart();
  await expect.poll(async () => (await server.row('{ categoryStats { id } }')).state).toBe('hit');
});

it('says CACHE_UNAVAILABLE to who wants to empty or count a cache that is away', async () => {
  const { redis, server } = await newWorld();
  await server.row('{ categoryStats { id } }');
  redis.kill('SIGKILL');
  const unavailable = [{ message: 'The cache cannot be reached.', extensions: { code: 'CACHE_UNAVAILABLE' } }];
  const flushed = await server.ask('mutation { flushCache { keysRemoved } }');
  expect(flushed.errors).toMatchObject(unavailable);
  expect((await server.ask('{ cacheStats { keys } }')).errors).toMatchObject(unavailable);
  // What this process has counted itself needs no Redis.
  expect(await server.ask('{ cacheStats { hits misses hitRate backend } }')).toMatchObject({
    errors: [],
    data: { cacheStats: { hits: 0, misses: 1, hitRate: 0, backend: 'REDIS' } },
  });
  expect(flushed.text).not.toMatch(/redis|sock|ECONN/i);
});

async function newWorld({ isAway = false } = {}): Promise<{ redis: TestRedis; server: RunningServer }> {
  const redis = await startTestRedis();
  onTestFinished(() => redis.stop());
  if (isAway) redis.kill('SIGKILL');
  return { redis, server: await startServer({ redis: redis.socketPath, deadlineMs: 500 }) };
}

/** Eight clients that ask without a pause, over four keys. */
function startLoad(server: RunningServer) {
  const over = new AbortController();
  let answered = 0;
  const counts = new Map<string, number>();
  const countOf = (state: string): number => counts.get(state) ?? 0;
  const failed: unknown[] = [];
  const client = async (limit: number): Promise<void> => {
    while (!over.signal.aborted) {
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
    /** Until it was given so often from now on that what was under way is over. */
    async untilState(state: string): Promise<void> {
      const target = countOf(state) + 10;
      await expect.poll(() => countOf(state), { interval: 5 }).toBeGreaterThan(target);
    },
    async untilMore(count: number): Promise<void> {
      const target = answered + count;
      await expect.poll(() => answered).toBeGreaterThan(target);
    },
    /** What failed. */
    async stop(): Promise<unknown[]> {
      over.abort();
      await clients;
      return failed;
    },
  };
}
