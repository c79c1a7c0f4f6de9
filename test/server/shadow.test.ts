// Shadow mode of the shop: hits are compared with the database, also those of cached responses.
import { Client } from 'pg';
import { expect, inject, it } from 'vitest';
import { createSchema } from '../../schema/index.ts';
import { advanceUntil, TestClock, times } from '../cache/world.ts';
import { newShop } from '../database/shop-database.ts';
import { createClient } from './client.ts';
import { startProgram } from './start-program.ts';
import { startServer, type RunningServer } from './start-server.ts';

const text = '{ searchProducts { id name price } }';

interface ShopWorld {
  readonly server: RunningServer;
  readonly clock: TestClock;
  /** The results of the checks so far. */
  readonly results: readonly string[];
  /** Runs a statement as another program does, unnoticed by the cache. */
  readonly execute: (sql: string) => Promise<void>;
}

/** A server that caches responses, with one product. */
async function startShop(shadow: number): Promise<ShopWorld> {
  const { url } = await newShop({
    categories: [{ id: 1, name: 'Garden' }],
    products: [{ id: 11, category_id: 1, name: 'spade', price: '1.23' }],
  });
  const clock = new TestClock();
  const server = await startServer({
    ...{ databaseUrl: url, redis: inject('redisSocketPath'), memoryBytesMax: 1_000_000, clock },
    schemaOf: (options) => createSchema({ ...options, shadow }),
  });
  const results: string[] = [];
  server.cache.on((event) => void (event.type === 'shadow-check' && results.push(event.result)));
  await advanceUntil(clock, 100, () => server.cache.memory?.isCoherent ?? true);
  const execute = async (sql: string): Promise<void> => {
    const client = new Client({ connectionString: url });
    await client.connect();
    await client.query(sql);
    await client.end();
  };
  return { server, clock, results, execute };
}

/** Whether a request is answered without executing GraphQL. */
async function isCached({ server }: ShopWorld): Promise<boolean> {
  const before = server.executions();
  await server.ask(text);
  return server.executions() === before;
}

it('each request is compared again, although its response is cached', async () => {
  const shop = await startShop(1);
  await shop.server.ask(text);
  for (const count of times(10, (index) => index + 1)) {
    expect(await isCached(shop)).toBe(false);
    await expect.poll(() => shop.results.length).toBe(count);
  }
  expect(new Set(shop.results)).toEqual(new Set(['equal']));
});

it('without shadow mode, the response of the same requests is cached, and nothing is compared', async () => {
  const shop = await startShop(0);
  await expect.poll(() => isCached(shop), { interval: 5 }).toBe(true);
  expect(shop.results).toEqual([]);
});

it('a change that nothing has reported to the cache is logged and counted, without values', async () => {
  const shop = await startShop(1);
  const { server, clock, results, execute } = shop;
  await server.ask(text);
  await execute("update products set name = 'shovel', price = 4.56");
  const { data } = await server.ask(text);
  expect(data).toEqual({ searchProducts: [{ id: 11, name: 'spade', price: '1.23' }] });
  await advanceUntil(clock, 500, () => results.length > 0);
  expect(results).toEqual(['different']);
  const metrics = await server.get('/metrics');
  expect(metrics.text).toContain('cachepot_shadow_checks_total{field="Query.searchProducts",result="different"} 1');
  const lines = server.logLines.filter((line) => line.includes('differs'));
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    level: 40,
    field: 'Query.searchProducts',
    paths: ['0.name', '0.price'],
  });
  for (const value of ['spade', 'shovel', '1.23', '4.56']) expect(lines[0]).not.toContain(value);
});

it('SHADOW switches it on for all fields of the program', async () => {
  const program = await startProgram({ env: { DATABASE_URL: inject('databaseUrl'), CHANGE_FEED: 'off', SHADOW: '1' } });
  await program.isUp();
  const { ask, get } = createClient(program.url);
  const isCompared = async (): Promise<boolean> => {
    await ask('{ categoryStats { name } topProducts { name } searchProducts { name } }');
    const { text: metrics } = await get('/metrics');
    return ['categoryStats', 'topProducts', 'searchProducts'].every((field) =>
      metrics.includes(`cachepot_shadow_checks_total{field="Query.${field}",result="equal"}`),
    );
  };
  await expect.poll(isCompared, { interval: 20, timeout: 60_000 }).toBe(true);
});
