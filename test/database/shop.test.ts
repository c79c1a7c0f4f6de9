import { expect, it } from 'vitest';
import { createShop, tablesExist } from '../../src/database/index.ts';
import { withResolvers } from '../cache/world.ts';
import { connect, emptyDatabase, newShop, noWriting, seededShop } from './shop-database.ts';

const search = { q: 'steel', limit: 10 };
const choice = { perCategory: 3, minReviews: 5 };

it('returns the same rows with and without simulated latency', async () => {
  const { db } = seededShop();
  const answers = [true, false].map(async (simulateLatency) => {
    const shop = createShop({ db, writing: noWriting, simulateLatency });
    return Promise.all([shop.categoryStats(), shop.searchProducts(search), shop.topProducts(choice)]);
  });
  const [slow, quick] = await Promise.all(answers);
  expect(slow).toEqual(quick);
});

it('delays the three queries by their simulated latency, and no other statement', async () => {
  const { db, statements } = seededShop();
  const waits: number[] = [];
  const { promise: isOver, resolve: end } = withResolvers<void>();
  const wait = (ms: number): Promise<void> => {
    waits.push(ms);
    return isOver;
  };
  const shop = createShop({ db, writing: noWriting, simulateLatency: true, wait });
  const slow = Promise.all([shop.categoryStats(), shop.searchProducts(search), shop.topProducts(choice)]);
  await shop.createLoaders().productReviews.load({ productId: 1, limit: 5 });
  await shop.ping();
  expect(statements()).toHaveLength(2);
  expect(waits).toEqual([300, 250, 350]);
  end();
  await slow;
  expect(statements()).toHaveLength(3);
});

it('reports whether the tables exist', async () => {
  expect(await tablesExist(connect({ url: await emptyDatabase() }).db)).toBe(false);
  expect(await tablesExist((await newShop({})).db)).toBe(true);
});
