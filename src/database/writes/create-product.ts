import { productById, type Product } from '../product.ts';
import { CategoryNotFoundError, referring } from './not-found.ts';
import type { WritableDatabase } from './writable-database.ts';

/** The values of a new product. The caller checks them; `ProductChanges` has their limits. */
export interface NewProduct {
  categoryId: number;
  name: string;
  description: string;
  price: string;
  stock: number;
}

/**
 * Creates a product, and returns it.
 *
 * @throws {CategoryNotFoundError}
 */
export async function createProduct(
  { db, writing }: WritableDatabase,
  { categoryId, ...values }: NewProduct,
): Promise<Product> {
  const created = writing(db, async (trx) => {
    const { id } = await trx
      .insertInto('products')
      .values({ ...values, category_id: categoryId })
      .returning('id')
      .executeTakeFirstOrThrow();
    return await productById(trx, id);
  });
  return await referring(created, new CategoryNotFoundError(categoryId));
}
