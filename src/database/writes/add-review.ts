import { reviewColumns, reviewOf, type Review } from '../review.ts';
import { ProductNotFoundError, referring } from './not-found.ts';
import type { WritableDatabase } from './writable-database.ts';

/** The values of a new review. The caller checks them. */
export interface NewReview {
  productId: number;
  /** 1 … 5. */
  rating: number;
  /** PostgreSQL rejects U+0000 in it. */
  comment: string | null;
}

/**
 * Adds a review to a product, and returns it.
 *
 * @throws {ProductNotFoundError}
 */
export async function addReview(
  { db, writing }: WritableDatabase,
  { productId, rating, comment }: NewReview,
): Promise<Review> {
  const added = writing(db, (trx) =>
    trx
      .insertInto('reviews')
      .values({ product_id: productId, rating, comment })
      .returning(reviewColumns)
      .executeTakeFirstOrThrow(),
  );
  return reviewOf(await referring(added, new ProductNotFoundError(productId)));
}
