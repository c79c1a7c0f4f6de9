import { ProductNotFoundError } from './not-found.ts';
import type { WritableDatabase } from './writable-database.ts';

/** A product that was deleted. */
export interface DeletedProduct {
  id: number;
  /** The number of its reviews, which were deleted with it. */
  reviewsDeleted: number;
}

/**
 * Deletes a product with its reviews.
 *
 * @throws {ProductNotFoundError}
 */
export async function deleteProduct({ db, writing }: WritableDatabase, id: number): Promise<DeletedProduct> {
  return await writing(db, async (trx) => {
    // Until the commit, a review of it cannot be added: the reviews that are deleted next are all of them, and are counted.
    const product = await trx.selectFrom('products').select('id').where('id', '=', id).forUpdate().executeTakeFirst();
    if (product === undefined) throw new ProductNotFoundError(id);
    const { numDeletedRows } = await trx.deleteFrom('reviews').where('product_id', '=', id).executeTakeFirst();
    await trx.deleteFrom('products').where('id', '=', id).execute();
    return { id, reviewsDeleted: Number(numDeletedRows) };
  });
}
