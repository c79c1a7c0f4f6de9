import type { Kysely } from 'kysely';
import type { Tables } from './tables.ts';

/** A product with its category. `price` is decimal text with two places. */
export interface Product {
  id: number;
  name: string;
  description: string;
  price: string;
  stock: number;
  category: Category;
}

/** A category as part of a product. */
export interface Category {
  id: number;
  name: string;
}

/** The columns of products joined with categories that make a `Product`. */
export const productColumns = [
  'products.id',
  'products.name',
  'products.description',
  'products.price',
  'products.stock',
  'categories.id as categoryId',
  'categories.name as categoryName',
] as const;

interface ProductRow extends Omit<Product, 'category'> {
  categoryId: number;
  categoryName: string;
}

export function productOf(row: ProductRow): Product {
  const { id, name, description, price, stock } = row;
  return { id, name, description, price, stock, category: { id: row.categoryId, name: row.categoryName } };
}

/** Returns a product that exists. */
export async function productById(db: Kysely<Tables>, id: number): Promise<Product> {
  const row = await db
    .selectFrom('products')
    .innerJoin('categories', 'categories.id', 'products.category_id')
    .select(productColumns)
    .where('products.id', '=', id)
    .executeTakeFirstOrThrow();
  return productOf(row);
}
