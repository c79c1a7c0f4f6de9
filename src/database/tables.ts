import type { ColumnType, Generated } from 'kysely';

/**
 * The shop's tables, as `sql/1-tables.sql` creates them, for Kysely.
 *
 * `numeric` is a string in JavaScript, in both directions: money never passes through a float.
 */
export interface Tables {
  categories: CategoriesTable;
  products: ProductsTable;
  reviews: ReviewsTable;
}

interface CategoriesTable {
  id: Generated<number>;
  name: string;
}

interface ProductsTable {
  id: Generated<number>;
  category_id: number;
  name: string;
  description: ColumnType<string, string | undefined, string>;
  price: string;
  stock: Generated<number>;
  created_at: Generated<Date>;
}

interface ReviewsTable {
  id: Generated<number>;
  product_id: number;
  rating: number;
  comment: string | null;
  created_at: Generated<Date>;
}
