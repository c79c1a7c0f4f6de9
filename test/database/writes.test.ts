import { sql, type Kysely, type RawBuilder } from 'kysely';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createCache, createMemoryStore } from '../../src/cache/index.ts';
import { createShop, type Shop } from '../../src/database/index.ts';
import type { Tables } from '../../src/database/tables.ts';
import { newShop } from './shop-database.ts';

const unknown = 999;
const productNotFound = {
  code: 'PRODUCT_NOT_FOUND',
  message: expect.stringMatching(/^Expected .* product, got \d+\.$/),
};
const categoryNotFound = {
  code: 'CATEGORY_NOT_FOUND',
  message: expect.stringMatching(/^Expected .* category, got \d+\.$/),
};

describe('updateProduct', () => {
  it('changes what it is given and returns the product as it is then', async () => {
    const { shop, db } = await open();
    const changed = { id: 11, name: 'spade', description: '', price: '12.50', stock: 3, category: garden };
    expect(await shop.updateProduct(11, { price: '12.50' })).toEqual(changed);
    const all = { name: 'rake', description: 'For leaves.', price: '0.00', stock: 0, categoryId: 2 };
    const { categoryId: _, ...columns } = all;
    expect(await shop.updateProduct(11, all)).toEqual({ id: 11, ...columns, category: tools });
    const others = await db.selectFrom('products').select(['id', 'price']).where('id', '<>', 11).execute();
    expect(others).toEqual([{ id: 12, price: '20.00' }]);
  });

  it('rejects an unknown product and an unknown category, and changes nothing', async () => {
    const { shop, db } = await open();
    await expect(shop.updateProduct(unknown, { stock: 1 })).rejects.toMatchObject({ ...productNotFound, id: unknown });
    const moved = shop.updateProduct(11, { stock: 1, categoryId: unknown });
    await expect(moved).rejects.toMatchObject({ ...categoryNotFound, id: unknown });
    expect(await db.selectFrom('products').select('stock').where('id', '=', 11).execute()).toEqual([{ stock: 3 }]);
  });

  it('rejects if the product is deleted while it waits', async () => {
    const { shop, meanwhile } = await open();
    const updated = meanwhile(sql`delete from products where id = 11`, () => shop.updateProduct(11, { stock: 1 }));
    await expect(updated).rejects.toMatchObject(productNotFound);
  });

  it('rejects if the category is deleted while it waits', async () => {
    const { shop, meanwhile } = await open();
    const removal = sql`delete from categories where id = 3`;
    const moved = meanwhile(removal, () => shop.updateProduct(11, { categoryId: 3 }));
    await expect(moved).rejects.toMatchObject({ ...categoryNotFound, id: 3 });
  });

  it('keeps both of two changes at once to different fields', async () => {
    const { shop, meanwhile } = await open();
    const change = sql`update products set price = 1 where id = 11`;
    const updated = meanwhile(change, () => shop.updateProduct(11, { stock: 1 }));
    expect(await updated).toMatchObject({ price: '1.00', stock: 1 });
  });
});

describe('createProduct', () => {
  const lamp = { name: 'lamp', description: '', price: '5.00', stock: 2 };

  it('returns the new product, with an id of its own', async () => {
    const { shop, db } = await open();
    const product = await shop.createProduct({ ...lamp, categoryId: 1 });
    expect(product).toEqual({ ...lamp, id: expect.any(Number), category: garden });
    expect(await db.selectFrom('products').select('name').where('id', '=', product.id).execute()).toEqual([
      { name: 'lamp' },
    ]);
  });

  it('rejects an unknown category, also one that is deleted while it waits', async () => {
    const { shop, meanwhile } = await open();
    await expect(shop.createProduct({ ...lamp, categoryId: unknown })).rejects.toMatchObject(categoryNotFound);
    const removal = sql`delete from categories where id = 3`;
    const created = meanwhile(removal, () => shop.createProduct({ ...lamp, categoryId: 3 }));
    await expect(created).rejects.toMatchObject({ ...categoryNotFound, id: 3 });
  });
});

describe('deleteProduct', () => {
  it('deletes a product with its reviews, counts them, and leaves the others', async () => {
    const { shop, db } = await open();
    expect(await shop.deleteProduct(11)).toEqual({ id: 11, reviewsDeleted: 2 });
    expect(await db.selectFrom('products').select('id').execute()).toEqual([{ id: 12 }]);
    expect(await db.selectFrom('reviews').select('id').execute()).toEqual([{ id: 33 }]);
    await expect(shop.deleteProduct(11)).rejects.toMatchObject({ ...productNotFound, id: 11 });
  });

  it('counts a review that is added while it waits', async () => {
    const { shop, meanwhile } = await open();
    const review = sql`insert into reviews (product_id, rating) values (11, 5)`;
    expect(await meanwhile(review, () => shop.deleteProduct(11))).toEqual({ id: 11, reviewsDeleted: 3 });
  });

  it('of two at once, one deletes and the other one finds no product', async () => {
    const { shop } = await open();
    const results = await Promise.allSettled([shop.deleteProduct(11), shop.deleteProduct(11)]);
    expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
    expect(refused).toMatchObject([productNotFound]);
  });
});

describe('addReview', () => {
  it.each(['Sharp.', null])('returns the new review, with the comment %j', async (comment) => {
    const { shop } = await open();
    const review = await shop.addReview({ productId: 12, rating: 4, comment });
    const createdAt = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string;
    expect(review).toEqual({ id: expect.any(Number), rating: 4, comment, createdAt });
    const newest = await shop.createLoaders().productReviews.load({ productId: 12, limit: 1 });
    expect(newest).toEqual([review]);
  });

  it('rejects an unknown product, also one that is deleted while it waits', async () => {
    const { shop, meanwhile } = await open();
    const review = { rating: 4, comment: null };
    await expect(shop.addReview({ ...review, productId: unknown })).rejects.toMatchObject(productNotFound);
    const removal = sql`delete from products where id = 11`;
    const added = meanwhile(removal, () => shop.addReview({ ...review, productId: 11 }));
    await expect(added).rejects.toMatchObject({ ...productNotFound, id: 11 });
  });
});

const garden = { id: 1, name: 'Garden' };
const tools = { id: 2, name: 'Tools' };

interface World {
  readonly shop: Shop;
  readonly db: Kysely<Tables>;
  /** Runs `statement` in a transaction that is committed only when `write` waits for it, and returns what `write` does. */
  readonly meanwhile: <T>(statement: RawBuilder<unknown>, write: () => Promise<T>) => Promise<T>;
}

/** A shop of two products with reviews, in a database of its own. */
async function open(): Promise<World> {
  const { db, writing } = await newShop({
    categories: [garden, tools, { id: 3, name: 'Empty' }],
    products: [
      { id: 11, category_id: 1, name: 'spade', price: '10.00', stock: 3 },
      { id: 12, category_id: 2, name: 'saw', price: '20.00', stock: 5 },
    ],
    reviews: [11, 11, 12].map((product_id, index) => ({ id: 31 + index, product_id, rating: 3 })),
  });
  const cache = createCache({ store: createMemoryStore({ namespace: 'test' }) });
  onTestFinished(() => cache.close());
  const shop = createShop({ db, writing: writing(cache), simulateLatency: false });
  return {
    db,
    shop,
    async meanwhile(statement, write) {
      const transaction = await db.startTransaction().execute();
      const written = statement.execute(transaction).then(write);
      written.catch(() => undefined); // it is awaited below, after the commit
      try {
        await expect.poll(() => waitingIn(db)).toBe(1);
      } finally {
        await transaction.commit().execute();
      }
      return await written;
    },
  };
}

/** The number of connections that wait for a lock in this database. */
async function waitingIn(db: Kysely<Tables>): Promise<number | undefined> {
  const { rows } = await sql<{ waiting: number }>`
    select count(*)::integer as waiting from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`.execute(db);
  return rows[0]?.waiting;
}
