import { CompiledQuery, type Kysely } from 'kysely';
import { describe, expect, it } from 'vitest';
import { createLoaders } from '../../src/database/loaders.ts';
import { migrate } from '../../src/database/migrate.ts';
import { seed } from '../../src/database/seed.ts';
import type { Tables } from '../../src/database/tables.ts';
import { connect, emptyDatabase, newShop, seededShop } from './shop-database.ts';

describe('productReviews', () => {
  it.each([1, 50])('runs one statement for %i parents', async (parents) => {
    const { db, statements } = seededShop();
    const { productReviews } = createLoaders(db);
    const lists = await Promise.all(idsTo(parents).map((productId) => productReviews.load({ productId, limit: 5 })));
    expect(statements()).toHaveLength(1);
    expect(lists).toEqual(await Promise.all(idsTo(parents).map((id) => reviewsOneByOne(db, id, 5))));
  });

  it('runs one statement for different limits, and applies each limit', async () => {
    const { db, statements } = seededShop();
    const { productReviews } = createLoaders(db);
    const [two, seven, none] = await Promise.all([
      productReviews.load({ productId: 1, limit: 2 }),
      productReviews.load({ productId: 1, limit: 7 }),
      productReviews.load({ productId: 1, limit: 0 }),
    ]);
    expect(statements()).toHaveLength(1);
    expect(two).toEqual(await reviewsOneByOne(db, 1, 2));
    expect(seven).toEqual(await reviewsOneByOne(db, 1, 7));
    expect(none).toEqual([]);
  });

  it('returns the newest first, then the higher id, with times in UTC and unchanged comments', async () => {
    const old = new Date('2024-02-29T23:30:00+02:00');
    const { db } = await newShop({
      categories: [{ id: 1, name: 'One' }],
      products: [{ id: 1, category_id: 1, name: 'a', price: '1.00' }],
      reviews: [
        { id: 7, product_id: 1, rating: 1, comment: null, created_at: old },
        { id: 8, product_id: 1, rating: 2, comment: '', created_at: old },
        { id: 3, product_id: 1, rating: 3, comment: 'new', created_at: new Date('2025-01-01T00:00:00.123Z') },
      ],
    });
    const { productReviews } = createLoaders(db);
    const reviews = await productReviews.load({ productId: 1, limit: 5 });
    expect(reviews).toEqual([
      { id: 3, rating: 3, comment: 'new', createdAt: '2025-01-01T00:00:00.123Z' },
      { id: 8, rating: 2, comment: '', createdAt: '2024-02-29T21:30:00.000Z' },
      { id: 7, rating: 1, comment: null, createdAt: '2024-02-29T21:30:00.000Z' },
    ]);
    expect(await productReviews.load({ productId: 1, limit: 2 })).toEqual(reviews.slice(0, 2));
  });

  it('returns an empty list for an unknown product and for one without reviews', async () => {
    const { db } = seededShop();
    const { productReviews } = createLoaders(db);
    const keys = [-1, 19, 1].map((productId) => ({ productId, limit: 1 }));
    const lists = await productReviews.loadMany(keys);
    expect(lists).toEqual([[], [], await reviewsOneByOne(db, 1, 1)]);
  });

  it('loads the same key once per request', async () => {
    const { db, statements } = seededShop();
    const { productReviews } = createLoaders(db);
    await Promise.all([
      productReviews.load({ productId: 1, limit: 1 }),
      productReviews.load({ productId: 1, limit: 1 }),
    ]);
    await productReviews.load({ productId: 1, limit: 1 });
    expect(statements()).toHaveLength(1);
  });
});

describe('categoryProducts', () => {
  it.each([1, 50])('runs one statement for %i parents, whatever their limits', async (parents) => {
    const { db, statements } = seededShop();
    const { categoryProducts } = createLoaders(db);
    const keys = idsTo(parents).map((categoryId) => ({ categoryId, limit: 1 + (categoryId % 2) * 19 }));
    const lists = await categoryProducts.loadMany(keys);
    expect(statements()).toHaveLength(1);
    expect(lists).toEqual(await Promise.all(keys.map((key) => productsOneByOne(db, key.categoryId, key.limit))));
  });

  it('returns products by id with their category, and an empty list for an unknown category', async () => {
    const { db } = await newShop({
      categories: [{ id: 4, name: 'Four' }],
      products: [9, 2].map((id) => ({ id, category_id: 4, name: `p${id}`, description: 'd', price: '1.50', stock: 6 })),
    });
    const { categoryProducts } = createLoaders(db);
    const [four, unknown] = await Promise.all([
      categoryProducts.load({ categoryId: 4, limit: 20 }),
      categoryProducts.load({ categoryId: 5, limit: 20 }),
    ]);
    const category = { id: 4, name: 'Four' };
    expect(four).toEqual([
      { id: 2, name: 'p2', description: 'd', price: '1.50', stock: 6, category },
      { id: 9, name: 'p9', description: 'd', price: '1.50', stock: 6, category },
    ]);
    expect(unknown).toEqual([]);
  });
});

it('uses the indexes of a larger shop for reviews of products and products of categories', async () => {
  const url = await emptyDatabase();
  await migrate({ url });
  await seed({ url, products: 20_000, reviews: 40_000 });
  const queries: CompiledQuery[] = [];
  const { db } = connect({ url, log: ({ query }) => void queries.push(query) });
  const loaders = createLoaders(db);
  await loaders.productReviews.loadMany(idsTo(50).map((productId) => ({ productId, limit: 5 })));
  await loaders.categoryProducts.loadMany(idsTo(10).map((categoryId) => ({ categoryId, limit: 20 })));
  const [reviews, products] = await Promise.all(queries.map((query) => planOf(db, query)));
  expect(reviews).toContain('reviews_by_product');
  expect(reviews).not.toContain('Seq Scan on reviews');
  expect(products).toContain('products_by_category');
  expect(products).not.toContain('Seq Scan on products');
});

async function planOf(db: Kysely<Tables>, { sql, parameters }: CompiledQuery): Promise<string> {
  const { rows } = await db.executeQuery<{ 'QUERY PLAN': string }>(
    CompiledQuery.raw(`explain ${sql}`, [...parameters]),
  );
  return rows.map((row) => row['QUERY PLAN']).join('\n');
}

function idsTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

async function reviewsOneByOne(db: Kysely<Tables>, productId: number, limit: number) {
  const rows = await db
    .selectFrom('reviews')
    .selectAll()
    .where('product_id', '=', productId)
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .execute();
  return rows.map(({ id, rating, comment, created_at }) => ({
    id,
    rating,
    comment,
    createdAt: created_at.toISOString(),
  }));
}

async function productsOneByOne(db: Kysely<Tables>, categoryId: number, limit: number) {
  const rows = await db
    .selectFrom('products')
    .selectAll()
    .where('category_id', '=', categoryId)
    .orderBy('id')
    .limit(limit)
    .execute();
  const names = await db.selectFrom('categories').selectAll().where('id', '=', categoryId).execute();
  return rows.map(({ id, name, description, price, stock }) => ({
    id,
    name,
    description,
    price,
    stock,
    category: { id: categoryId, name: names[0]?.name },
  }));
}
