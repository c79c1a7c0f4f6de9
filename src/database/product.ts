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
