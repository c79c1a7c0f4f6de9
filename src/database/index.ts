/**
 * The shop's database: connection, queries, loaders, and what creates and fills the tables.
 *
 * A start goes `migrate` and `seed` (only where the database is the app's own) → `connectDatabase` → `tablesExist` →
 * `createShop`. A request asks the shop, and has loaders of its own.
 */
export { connectDatabase, type Database, type DatabaseOptions } from './connection.ts';
export { DatabaseUnavailableError, isDatabaseUnavailable } from './unavailable.ts';
export type { Tables } from './tables.ts';
export { sqlFiles } from './sql-text.ts';
export { tablesExist } from './tables-exist.ts';
export { createShop, type Shop } from './shop.ts';
export { categoryStats, type CategoryStats } from './category-stats.ts';
export { searchProducts, type ProductSearch } from './search-products.ts';
export type { Category, Product } from './product.ts';
export { topProducts, type TopProduct, type TopProductsChoice } from './top-products.ts';
export {
  createLoaders,
  type CategoryProductsKey,
  type Loaders,
  type ProductReviewsKey,
  type Review,
} from './loaders.ts';
export { SIMULATED_LATENCY_MS } from './simulated-latency.ts';
export { migrate } from './migrate.ts';
export { seed, SEED_DEFAULTS, SeedError, type SeedOptions, type SeedProgress } from './seed.ts';
