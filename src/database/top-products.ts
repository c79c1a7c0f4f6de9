import type { Kysely } from 'kysely';
import type { Tables } from './tables.ts';

/** Which of the best products to return. */
export interface TopProductsChoice {
  /** The lowest rank to return, 1 or more. Products that tie share a rank, so a category may have more. */
  perCategory: number;
  /** The number of reviews that a product needs, 0 or more. */
  minReviews: number;
}

/** A product among the best of its category. `price` is decimal text, `avgRating` 1…5 with two places. */
export interface TopProduct {
  id: number;
  name: string;
  price: string;
  /** The category's name. */
  category: string;
  reviewCount: number;
  avgRating: number;
  /** 1 is best. Equal means share a rank, and the next rank is skipped (1, 1, 3). */
  rankInCategory: number;
}

/**
 * Returns the best-rated products of each category, in one statement: by mean rating, then by number of reviews, both descending, then by
 * id. Ranks and order follow the exact mean, not the rounded one.
 *
 * A product without reviews has no mean and is never included, whatever `minReviews` is.
 */
export function topProducts(db: Kysely<Tables>, { perCategory, minReviews }: TopProductsChoice): Promise<TopProduct[]> {
  return db
    .with('rated', (cte) =>
      cte
        .selectFrom('reviews')
        .select((eb) => [
          'product_id',
          eb.cast<number>(eb.fn.countAll(), 'integer').as('review_count'),
          eb.fn.avg<string>('rating').as('avg_rating'),
        ])
        .groupBy('product_id')
        .having((eb) => eb.fn.countAll(), '>=', minReviews),
    )
    .with('ranked', (cte) =>
      cte
        .selectFrom('rated')
        .innerJoin('products', 'products.id', 'rated.product_id')
        .innerJoin('categories', 'categories.id', 'products.category_id')
        .select((eb) => [
          'products.id',
          'products.name',
          'products.price',
          'categories.name as category',
          'review_count',
          'avg_rating',
          eb
            .cast<number>(
              eb.fn.agg('rank').over((over) => over.partitionBy('categories.id').orderBy('avg_rating', 'desc')),
              'integer',
            )
            .as('rank_in_category'),
        ]),
    )
    .selectFrom('ranked')
    .select((eb) => [
      'id',
      'name',
      'price',
      'category',
      'review_count as reviewCount',
      eb.cast<number>(eb.fn('round', ['avg_rating', eb.lit(2)]), 'double precision').as('avgRating'),
      'rank_in_category as rankInCategory',
    ])
    .where('rank_in_category', '<=', perCategory)
    .orderBy('avg_rating', 'desc')
    .orderBy('review_count', 'desc')
    .orderBy('id')
    .execute();
}
