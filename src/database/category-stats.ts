import type { Kysely } from 'kysely';
import type { Tables } from './tables.ts';

/** One category's figures. Prices are decimal strings with two places, `avgRating` has two; both are null without any rows. */
export interface CategoryStats {
  id: number;
  name: string;
  productCount: number;
  reviewCount: number;
  /** Mean over the category's reviews, 1…5. */
  avgRating: number | null;
  /** Mean over the category's products, not weighted by stock or reviews. */
  avgPrice: string | null;
  minPrice: string | null;
  maxPrice: string | null;
  /** Sum over the category's products; 2,147,483,647 if it is larger. */
  totalStock: number;
}

/** GraphQL's Int, and PostgreSQL's integer: the stock of one product can reach it, and one sum must not fail the whole query. */
const integerMax = 2_147_483_647;

/**
 * Figures of every category, including those without products, in one statement: best rating first, those without a rating last, then
 * by id. The order is that of the exact mean, not of the rounded one.
 *
 * Products and reviews are grouped separately. The textbook query joins all three tables and groups once; there each product counts
 * as often as it has reviews, which multiplies the stock and weights the prices.
 */
export function categoryStats(db: Kysely<Tables>): Promise<CategoryStats[]> {
  return db
    .with('product_figures', (cte) =>
      cte
        .selectFrom('products')
        .select((eb) => [
          'category_id',
          eb.cast<number>(eb.fn.countAll(), 'integer').as('product_count'),
          eb.fn.avg<string>('price').as('avg_price'),
          eb.fn.min('price').as('min_price'),
          eb.fn.max('price').as('max_price'),
          eb.cast<number>(eb.fn('least', [eb.fn.sum('stock'), eb.lit(integerMax)]), 'integer').as('total_stock'),
        ])
        .groupBy('category_id'),
    )
    .with('review_figures', (cte) =>
      cte
        .selectFrom('reviews')
        .innerJoin('products', 'products.id', 'reviews.product_id')
        .select((eb) => [
          'products.category_id',
          eb.cast<number>(eb.fn.countAll(), 'integer').as('review_count'),
          eb.fn.avg<string>('reviews.rating').as('avg_rating'),
        ])
        .groupBy('products.category_id'),
    )
    .selectFrom('categories')
    .leftJoin('product_figures', 'product_figures.category_id', 'categories.id')
    .leftJoin('review_figures', 'review_figures.category_id', 'categories.id')
    .select((eb) => [
      'categories.id',
      'categories.name',
      eb.fn.coalesce('product_count', eb.lit(0)).as('productCount'),
      eb.fn.coalesce('review_count', eb.lit(0)).as('reviewCount'),
      eb.cast<number | null>(eb.fn('round', ['avg_rating', eb.lit(2)]), 'double precision').as('avgRating'),
      eb.fn<string | null>('round', ['avg_price', eb.lit(2)]).as('avgPrice'),
      'min_price as minPrice',
      'max_price as maxPrice',
      eb.fn.coalesce('total_stock', eb.lit(0)).as('totalStock'),
    ])
    .orderBy('avg_rating', (order) => order.desc().nullsLast())
    .orderBy('categories.id')
    .execute();
}
