import type { Kysely } from 'kysely';
import { productColumns, productOf, type Product } from './product.ts';
import type { Tables } from './tables.ts';

/** What to search for. */
export interface ProductSearch {
  /** What name or description must contain, ignoring case; empty matches everything. PostgreSQL rejects U+0000 in it. */
  q: string;
  /** Only this category; null or absent for all. */
  categoryId?: number | null | undefined;
  /** At most this many rows, 0 or more; the caller sets the upper bound. */
  limit: number;
}

/**
 * Returns the products whose name or description contains `q`, by id, each with its category, in one statement.
 *
 * `%`, `_` and `\` in `q` are literal. Case is ignored as far as the database's locale knows it: under locale `C` that is ASCII only. An
 * unknown category has no products.
 */
export async function searchProducts(db: Kysely<Tables>, { q, categoryId, limit }: ProductSearch): Promise<Product[]> {
  let query = db
    .selectFrom('products')
    .innerJoin('categories', 'categories.id', 'products.category_id')
    .select(productColumns)
    .orderBy('products.id')
    .limit(limit);
  if (categoryId !== null && categoryId !== undefined) query = query.where('products.category_id', '=', categoryId);
  if (q !== '') {
    const pattern = `%${q.replaceAll(/[%_\\]/g, '\\$&')}%`;
    query = query.where((eb) =>
      eb.or([eb('products.name', 'ilike', pattern), eb('products.description', 'ilike', pattern)]),
    );
  }
  const rows = await query.execute();
  return rows.map(productOf);
}
