import { expect, it } from 'vitest';
import { createShop, tablesExist } from '../../src/database/index.ts';
import { simulatedLatencyMs } from '../../src/database/simulated-latency.ts';
import { connect, emptyDatabase, newShop, seededShop } from './shop-database.ts';

const search = { q: 'steel', limit: 10 };
const choice = { perCategory: 3, minReviews: 5 };

it('gives the same rows with simulated latency and without', async () => {
  const { db } = seededShop();
  const answers = [true, false].map(async (simulateLatency) => {
    const shop = createShop({ db, simulateLatency });
    return Promise.all([shop.categoryStats(), shop.searchProducts(search), shop.topProducts(choice)]);
  });
  const [slow, quick] = await Promise.all(answers);
  expect(slow).toEqual(quick);
});

it('holds the three queries back by their simulated latency, and nothing else', async () => {
  const { db } = seededShop();
  const shop = createShop({ db, simulateLatency: true });
  const finished: string[] = [];
  const startedMs = performance.now();
  const timed = async (name: string, answer: Promise<unknown>): Promise<number> => {
    await answer;
    finished.push(name);
    // A timer may fire up to a millisecond early by this clock.
    return Math.ceil(performance.now() - startedMs) + 1;
  };
  const [statsMs, searchMs, topMs] = await Promise.all([
    timed('categoryStats', shop.categoryStats()),
    timed('searchProducts', shop.searchProducts(search)),
    timed('topProducts', shop.topProducts(choice)),
    timed('loader', shop.createLoaders().productReviews.load({ productId: 1, limit: 5 })),
    timed('ping', shop.ping()),
  ]);
  expect(finished.slice(0, 2).toSorted()).toEqual(['loader', 'ping']);
  expect(statsMs).toBeGreaterThanOrEqual(simulatedLatencyMs.categoryStats);
  expect(searchMs).toBeGreaterThanOrEqual(simulatedLatencyMs.searchProducts);
  expect(topMs).toBeGreaterThanOrEqual(simulatedLatencyMs.topProducts);
});

it('tells at start whether the tables are there', async () => {
  expect(await tablesExist(connect({ url: await emptyDatabase() }).db)).toBe(false);
  expect(await tablesExist((await newShop({})).db)).toBe(true);
});
