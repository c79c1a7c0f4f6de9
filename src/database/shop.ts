import { sql, type Kysely } from 'kysely';
import { categoryStats, type CategoryStats } from './category-stats.ts';
import { createLoaders, type Loaders } from './loaders.ts';
import type { Product } from './product.ts';
import { searchProducts, type ProductSearch } from './search-products.ts';
import { simulatedLatency, simulatedLatencyMs, type Wait } from './simulated-latency.ts';
import type { Tables } from './tables.ts';
import { topProducts, type TopProduct, type TopProductsChoice } from './top-products.ts';

/** What the schema needs from the database. If it is unavailable, every method rejects with what `isDatabaseUnavailable` recognizes. */
export interface Shop {
  /** See `categoryStats`; 300 ms slower if latency is simulated. */
  categoryStats(): Promise<CategoryStats[]>;
  /** See `searchProducts`; 250 ms slower if latency is simulated. */
  searchProducts(search: ProductSearch): Promise<Product[]>;
  /** See `topProducts`; 350 ms slower if latency is simulated. */
  topProducts(choice: TopProductsChoice): Promise<TopProduct[]>;
  /** The latency that is simulated, in milliseconds by query; empty if none is. */
  readonly simulatedLatencyMs: Readonly<Record<string, number>>;
  /** Loaders for one request. */
  createLoaders(): Loaders;
  /** Resolves when the database replies. */
  ping(): Promise<void>;
}

/**
 * Creates the shop's queries on `db`.
 *
 * @param options.wait Simulates the latency. Default: a timer.
 */
export function createShop({
  db,
  simulateLatency,
  wait,
}: {
  db: Kysely<Tables>;
  simulateLatency: boolean;
  wait?: Wait;
}): Shop {
  const overNetwork = simulatedLatency(simulateLatency, wait);
  return {
    categoryStats: () => overNetwork('categoryStats', () => categoryStats(db)),
    searchProducts: (search) => overNetwork('searchProducts', () => searchProducts(db, search)),
    topProducts: (choice) => overNetwork('topProducts', () => topProducts(db, choice)),
    simulatedLatencyMs: simulateLatency ? simulatedLatencyMs : {},
    createLoaders: () => createLoaders(db),
    async ping() {
      await sql`select 1`.execute(db);
    },
  };
}
