import { productById, type Product } from '../product.ts';
import { CategoryNotFoundError, ProductNotFoundError, referring } from './not-found.ts';
import type { WritableDatabase } from './writable-database.ts';

/** New values of a product, at least one; what is absent or undefined remains as it is. The caller checks them. */
export interface ProductChanges {
  categoryId?: number | undefined;
  /** Not empty. PostgreSQL rejects U+0000 in it. */
  name?: string | undefined;
  /** PostgreSQL rejects U+0000 in it. */
  description?: string | undefined;
  /** Decimal text, 0 … 99,999,999.99. */
  price?: string | undefined;
  /** 0 … 2,147,483,647. */
  stock?: number | undefined;
}

/**
 * Changes a product, and returns it as it is then.
 *
 * @throws {ProductNotFoundError}
 * @throws {CategoryNotFoundError} if the category to move it to does not exist.
 */
export async function updateProduct(
  { db, writing }: WritableDatabase,
  id: number,
  { categoryId, ...changes }: ProductChanges,
): Promise<Product> {
  const changed = writing(db, async (trx) => {
    const row = await trx
      .updateTable('products')
      .set({ ...changes, category_id: categoryId })
      .where('id', '=', id)
      .returning('id')
      .executeTakeFirst();
    if (row === undefined) throw new ProductNotFoundError(id);
    return await productById(trx, id);
  });
  return categoryId === undefined ? await changed : await referring(changed, new CategoryNotFoundError(categoryId));
}
