// After a mutation, the next read returns the new value: in the same request, in the same process, and in every other process.
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { newShop } from '../database/shop-database.ts';
import { startTestRedis } from '../support/redis.ts';
import { mutate } from './mutate.ts';
import { startServer, type Overrides, type RunningServer } from './start-server.ts';

const rounds = 30;
const memoryBytesMax = 1_000_000;
const search = '{ searchProducts { id name price stock reviews(limit: 1) { comment } } }';
const figures = '{ categoryStats { name productCount reviewCount minPrice } topProducts(minReviews: 1) { id price } }';

interface Read {
  readonly searchProducts: readonly { id: number; name: string; price: string; reviews: { comment: string }[] }[];
}

interface Figures {
  readonly categoryStats: readonly { productCount: number; reviewCount: number; minPrice: string }[];
  readonly topProducts: readonly { id: number; price: string }[];
}

/** A server on a shop of its own, with the product 1 and its review. */
async function shopServer(overrides: Overrides = {}): Promise<{ server: RunningServer; databaseUrl: string }> {
  const { url: databaseUrl } = await newShop({
    categories: [{ id: 1, name: 'Garden' }],
    products: [{ id: 11, category_id: 1, name: 'spade', price: '1.00' }],
    reviews: [{ id: 101, product_id: 11, rating: 3, comment: 'old' }],
  });
  return { databaseUrl, server: await startServer({ databaseUrl, ...overrides }) };
}

it('in the same request: a later mutation of the document returns what earlier ones have written', async () => {
  const { server } = await shopServer();
  const fields = '... on Product { price reviews { comment } category { products { price reviews { comment } } } }';
  const { data, errors } = await server.ask(`mutation {
    one: updateProduct(id: 11, input: { price: "2" }) { ${fields} }
    two: addReview(productId: 11, rating: 5, comment: "new") { __typename }
    three: updateProduct(id: 11, input: { price: "3" }) { ${fields} }
    four: deleteProduct(id: 11) { ... on DeletedProduct { reviewsDeleted } }
    five: createProduct(input: { name: "rake", price: "4", categoryId: 1 }) { ${fields} }
  }`);
  expect(errors).toEqual([]);
  const product = (price: string, ...comments: string[]) => ({
    price,
    reviews: comments.map((comment) => ({ comment })),
  });
  const withCategory = (one: ReturnType<typeof product>) => ({ ...one, category: { products: [one] } });
  expect(data).toEqual({
    one: withCategory(product('2.00', 'old')),
    two: { __typename: 'Review' },
    three: withCategory(product('3.00', 'new', 'old')),
    four: { reviewsDeleted: 2 },
    five: withCategory(product('4.00')),
  });
});

describe.each([
  ['Redis', { redis: inject('redisSocketPath') }],
  ['Redis and a memory tier', { redis: inject('redisSocketPath'), memoryBytesMax }],
  ['the memory store', { redis: null }],
])('in the same process, with %s', (_, overrides) => {
  it('each read after a mutation returns the new value, and the next one is a hit', async () => {
    const { server } = await shopServer(overrides);
    for (let round = 1; round <= rounds; round += 1) {
      const price = `${round}.50`;
      await server.ask(search);
      await mutate(server, 'updateProduct', { id: 11, input: { price } });
      const read = await server.ask<Read>(search);
      expect(read.data.searchProducts).toMatchObject([{ id: 11, price }]);
      expect(read.report?.fields[0]?.state).toBe('miss');
      const again = await server.ask<Read>(search);
      expect(again.data).toEqual(read.data);
      expect(again.report?.fields[0]?.state).toBe('hit');
    }
  });

  it('aggregates follow each kind of mutation', async () => {
    const { server } = await shopServer(overrides);
    const read = async (): Promise<unknown[]> => {
      const { data } = await server.ask<Figures>(figures);
      expect((await server.ask<Figures>(figures)).data).toEqual(data);
      const [{ productCount, reviewCount, minPrice } = {}] = data.categoryStats;
      return [productCount, reviewCount, minPrice, data.topProducts.length];
    };
    expect(await read()).toEqual([1, 1, '1.00', 1]);
    const created = await mutate(server, 'createProduct', { input: { name: 'rake', price: '0.50', categoryId: 1 } });
    expect(await read()).toEqual([2, 1, '0.50', 1]);
    await mutate(server, 'addReview', { productId: created['id'], rating: 5 });
    expect(await read()).toEqual([2, 2, '0.50', 2]);
    await mutate(server, 'updateProduct', { id: created['id'], input: { price: '3.00' } });
    expect(await read()).toEqual([2, 2, '1.00', 2]);
    await mutate(server, 'deleteProduct', { id: 11 });
    expect(await read()).toEqual([1, 1, '3.00', 1]);
  });
});

it('in every process: servers with memory tiers on one Redis read what another one has written', async () => {
  const { server: first, databaseUrl } = await shopServer({ memoryBytesMax });
  const { namespace } = first;
  const second = await startServer({ databaseUrl, memoryBytesMax, namespace });
  const servers = [first, second] as const;
  let fromMemory = 0;
  for (let round = 1; round <= rounds; round += 1) {
    const [writer, reader] = round % 2 === 0 ? servers : [second, first];
    const comment = `round ${round}`;
    // Both have the value; the second hit is in the memory tier.
    for (const one of [...servers, ...servers, ...servers]) await one.ask(search);
    const { report } = await reader.ask(search);
    if (report?.fields[0]?.tier === 'memory') fromMemory += 1;
    await mutate(writer, 'updateProduct', { id: 11, input: { name: comment } });
    await mutate(writer, 'addReview', { productId: 11, rating: 1 + (round % 5), comment });
    for (const one of [reader, writer]) {
      const { data } = await one.ask<Read>(search);
      expect(data.searchProducts).toMatchObject([{ name: comment, reviews: [{ comment }] }]);
    }
  }
  expect(fromMemory).toBeGreaterThan(rounds / 2);
});

it('reads that run at the same time as a mutation leave no older value behind', async () => {
  const { server } = await shopServer({ memoryBytesMax });
  for (let round = 1; round <= rounds; round += 1) {
    const price = `${round}.25`;
    const readers = Array.from({ length: 10 }, () => server.ask(search));
    await mutate(server, 'updateProduct', { id: 11, input: { price } });
    const { data } = await server.ask<Read>(search);
    expect(data.searchProducts).toMatchObject([{ price }]);
    await Promise.all(readers);
    expect((await server.ask<Read>(search)).data.searchProducts).toMatchObject([{ price }]);
  }
});

it('a mutation that is refused invalidates nothing', async () => {
  const { server } = await shopServer();
  await server.ask(search);
  await mutate(server, 'updateProduct', { id: 11, input: {} });
  await mutate(server, 'updateProduct', { id: 999, input: { stock: 1 } });
  await mutate(server, 'deleteProduct', { id: 999 });
  await mutate(server, 'addReview', { productId: 999, rating: 1 });
  expect((await server.row(search)).state).toBe('hit');
});

it('a mutation succeeds while Redis is unavailable', async () => {
  const redis = await startTestRedis();
  onTestFinished(() => redis.stop());
  const { server } = await shopServer({ redis: redis.socketPath, deadlineMs: 500 });
  await server.ask(search);
  redis.kill('SIGKILL');
  expect(await mutate(server, 'updateProduct', { id: 11, input: { price: '7' } })).toMatchObject({ price: '7.00' });
  const { data } = await server.ask<Read>(search);
  expect(data.searchProducts).toMatchObject([{ price: '7.00' }]);
});
