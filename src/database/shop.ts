import { sql, type Kysely } from 'kysely';
import { categoryStats, type CategoryStats } from './category-stats.ts';
import { createLoaders, type Loaders } from './loaders.ts';
import type { Writing } from '../kysely-cache/index.ts';
import type { Product } from './product.ts';
import type { Review } from './review.ts';
import { searchProducts, type ProductSearch } from './search-products.ts';
import { simulatedLatency, simulatedLatencyMs, type Wait } from './simulated-latency.ts';
import type { Tables } from './tables.ts';
import { topProducts, type TopProduct, type TopProductsChoice } from './top-products.ts';
import { addReview, type NewReview } from './writes/add-review.ts';
import { createProduct, type NewProduct } from './writes/create-product.ts';
import { deleteProduct, type DeletedProduct } from './writes/delete-product.ts';
import { updateProduct, type ProductChanges } from './writes/update-product.ts';

/** What the schema needs from the database. If it is unavailable, every method rejects with what `isDatabaseUnavailable` recognizes. */
export interface Shop {
  /** See `categoryStats`; 300 ms slower if latency is simulated. */
  categoryStats(): Promise<CategoryStats[]>;
  /** See `searchProducts`; 250 ms slower if latency is simulated. */
  searchProducts(search: ProductSearch): Promise<Product[]>;
  /** See `topProducts`; 350 ms slower if latency is simulated. */
  topProducts(choice: TopProductsChoice): Promise<TopProduct[]>;
  /** See `updateProduct`. What was cached of changed rows is invalidated before a write resolves; no latency is simulated for it. */
  updateProduct(id: number, changes: ProductChanges): Promise<Product>;
  /** See `createProduct`. */
  createProduct(product: NewProduct): Promise<Product>;
  /** See `deleteProduct`. */
  deleteProduct(id: number): Promise<DeletedProduct>;
  /** See `addReview`. */
  addReview(review: NewReview): Promise<Review>;
  /** The latency that is simulated, in milliseconds by query; empty if none is. */
  readonly simulatedLatencyMs: Readonly<Record<string, number>>;
  /** Loaders for one request. */
  createLoaders(): Loaders;
  /** Resolves when the database replies. */
  ping(): Promise<void>;
}

/**
 * Creates the shop's queries and writes on `db`.
 *
 * @param options.writing Runs the transactions of the writes.
 * @param options.wait Simulates the latency. Default: a timer.
 */
export function createShop({
  db,
  writing,
  simulateLatency,
  wait,
}: {
  db: Kysely<Tables>;
  writing: Writing;
  simulateLatency: boolean;
  wait?: Wait;
}): Shop {
  const overNetwork = simulatedLatency(simulateLatency, wait);
  return {
    categoryStats: () => overNetwork('categoryStats', () => categoryStats(db)),
    searchProducts: (search) => overNetwork('searchProducts', () => searchProducts(db, search)),
    topProducts: (choice) => overNetwork('topProducts', () => topProducts(db, choice)),
    updateProduct: (id, changes) => updateProduct({ db, writing }, id, changes),
    createProduct: (product) => createProduct({ db, writing }, product),
    deleteProduct: (id) => deleteProduct({ db, writing }, id),
    addReview: (review) => addReview({ db, writing }, review),
    simulatedLatencyMs: simulateLatency ? simulatedLatencyMs : {},
    createLoaders: () => createLoaders(db),
    async ping() {
      await sql`select 1`.execute(db);
    },
  };
}
