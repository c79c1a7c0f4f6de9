import DataLoader from 'dataloader';
import { sql, type Kysely } from 'kysely';
import { productColumns, productOf, type Product } from './product.ts';
import { reviewColumns, reviewOf, type Review } from './review.ts';
import type { Tables } from './tables.ts';

/** One product's reviews. */
export interface ProductReviewsKey {
  productId: number;
  /** At most this many rows, 0 or more. */
  limit: number;
}

/** One category's products. */
export interface CategoryProductsKey {
  categoryId: number;
  /** At most this many rows, 0 or more. */
  limit: number;
}

/** The loaders of one request, which load children in batches. */
export interface Loaders {
  /** A product's newest reviews, then the higher id first; none for an unknown product. */
  productReviews: DataLoader<ProductReviewsKey, Review[], string>;
  /** A category's products by id, each with its category; none for an unknown category. */
  categoryProducts: DataLoader<CategoryProductsKey, Product[], string>;
  /** Forgets what was loaded before a write. */
  clear(): void;
}

// Limits one statement's arrays and rows. More parents than this on one level need a second statement.
const batchKeysMax = 1_000;

/**
 * Creates the loaders of one request. The keys that are loaded in one tick are one statement, even if limits differ; inside of cached
 * loads a second one. Loaders memoize what they loaded outside of cached loads, so each request needs its own.
 */
export function createLoaders(db: Kysely<Tables>): Loaders {
  const productReviews: Loaders['productReviews'] = new DataLoader((keys) => loadReviews(db, keys), {
    cacheKeyFn: ({ productId, limit }) => `${productId}:${limit}`,
    maxBatchSize: batchKeysMax,
  });
  const categoryProducts: Loaders['categoryProducts'] = new DataLoader((keys) => loadProducts(db, keys), {
    cacheKeyFn: ({ categoryId, limit }) => `${categoryId}:${limit}`,
    maxBatchSize: batchKeysMax,
  });
  return {
    productReviews,
    categoryProducts,
    clear() {
      productReviews.clearAll();
      categoryProducts.clearAll();
    },
  };
}

async function loadReviews(db: Kysely<Tables>, keys: readonly ProductReviewsKey[]): Promise<Review[][]> {
  const wanted = wantedRows(keys.map(({ productId, limit }) => ({ parentId: productId, limit })));
  const rows = await db
    .selectFrom(wanted)
    .crossJoinLateral((eb) =>
      eb
        .selectFrom('reviews')
        .select(reviewColumns)
        .whereRef('reviews.product_id', '=', 'wanted.parent_id')
        .orderBy('reviews.created_at', 'desc')
        .orderBy('reviews.id', 'desc')
        .limit(eb.ref('wanted.row_limit'))
        .as('review'),
    )
    .select(['wanted.position', 'review.id', 'review.rating', 'review.comment', 'review.created_at'])
    .orderBy('wanted.position')
    .orderBy('review.created_at', 'desc')
    .orderBy('review.id', 'desc')
    .execute();
  return distribute(keys.length, rows, reviewOf);
}

async function loadProducts(db: Kysely<Tables>, keys: readonly CategoryProductsKey[]): Promise<Product[][]> {
  const wanted = wantedRows(keys.map(({ categoryId, limit }) => ({ parentId: categoryId, limit })));
  const rows = await db
    .selectFrom(wanted)
    .crossJoinLateral((eb) =>
      eb
        .selectFrom('products')
        .innerJoin('categories', 'categories.id', 'products.category_id')
        .select(productColumns)
        // `=` would make the first sort column constant, and the planner then walks the primary key and filters: a small
        // category costs it the whole table. As a range, only the index on (category_id, id) gives this order.
        .where((where) =>
          where.between('products.category_id', where.ref('wanted.parent_id'), where.ref('wanted.parent_id')),
        )
        .orderBy('products.category_id')
        .orderBy('products.id')
        .limit(eb.ref('wanted.row_limit'))
        .as('product'),
    )
    .selectAll('product')
    .select('wanted.position')
    .orderBy('wanted.position')
    .orderBy('product.id')
    .execute();
  return distribute(keys.length, rows, productOf);
}

interface WantedRow {
  parent_id: number;
  row_limit: number;
  /** Which key this row belongs to, from 1; PostgreSQL counts it as bigint, which arrives as a string. */
  position: string;
}

/** The keys as a table of three columns. Kysely has no builder for a function with ordinality. */
function wantedRows(keys: readonly { parentId: number; limit: number }[]) {
  const parentIds = keys.map(({ parentId }) => parentId);
  const limits = keys.map(({ limit }) => limit);
  return sql<WantedRow>`unnest(${parentIds}::integer[], ${limits}::integer[]) with ordinality`.as<'wanted'>(
    sql`wanted(parent_id, row_limit, position)`,
  );
}

/** The rows of each key, in the keys' order; an empty list for a key without rows. */
function distribute<Row extends { position: string }, T>(
  keyCount: number,
  rows: readonly Row[],
  valueOf: (row: Row) => T,
): T[][] {
  const lists = Array.from({ length: keyCount }, (): T[] => []);
  for (const row of rows) lists[Number(row.position) - 1]?.push(valueOf(row));
  return lists;
}
