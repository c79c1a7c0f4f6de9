/**
 * The shop's database: connection, queries, loaders, and what creates and fills the tables.
 *
 * At startup, `connectDatabase` → `createShop` → `readTables`. A database that was given is never changed: `main.ts` only calls
 * `tablesExist`. The embedded PostgreSQL receives `sqlFiles()` first. `migrate`, the seed and the set-up of the
 * change feed are the commands `npm run migrate`, `npm run seed` and `npm run feed`. Each request uses the shop, with loaders of its own.
 */
export { databaseUrlFault, DatabaseUrlError } from './address.ts';
export { connectDatabase, type ConnectionPool, type Database, type DatabaseOptions } from './connection.ts';
export type { ChangeFeed, FeedState } from '../kysely-cache/index.ts';
export { isDatabaseUnavailable } from './unavailable.ts';
export type { Tables } from './tables.ts';
export { sqlFiles } from './sql-text.ts';
export { tablesExist } from './tables-exist.ts';
export { createShop, type Shop } from './shop.ts';
export type { CategoryStats } from './category-stats.ts';
export type { ProductSearch } from './search-products.ts';
export type { Category, Product } from './product.ts';
export type { TopProduct, TopProductsChoice } from './top-products.ts';
export type { CategoryProductsKey, Loaders, ProductReviewsKey } from './loaders.ts';
export type { Review } from './review.ts';
export type { NewReview } from './writes/add-review.ts';
export type { NewProduct } from './writes/create-product.ts';
export type { DeletedProduct } from './writes/delete-product.ts';
export { CategoryNotFoundError, ProductNotFoundError } from './writes/not-found.ts';
export type { ProductChanges } from './writes/update-product.ts';
