/**
 * The shop's database: connection, queries, loaders, and what creates and fills the tables.
 *
 * A start goes `connectDatabase` → `createShop` → `readTables`, and changes no database that it was given: there main.ts
 * only asks `tablesExist`. To the embedded PostgreSQL it hands `sqlFiles()` before that. `migrate` and the seed are the two
 * commands `npm run migrate` and `npm run seed`. A request asks the shop, and has loaders of its own.
 */
export { DatabaseUrlError } from './address.ts';
export { connectDatabase, type Database, type DatabaseOptions } from './connection.ts';
export { isDatabaseUnavailable } from './unavailable.ts';
export type { Tables } from './tables.ts';
export { sqlFiles } from './sql-text.ts';
export { tablesExist } from './tables-exist.ts';
export { createShop, type Shop } from './shop.ts';
export type { CategoryStats } from './category-stats.ts';
export type { ProductSearch } from './search-products.ts';
export type { Category, Product } from './product.ts';
export type { TopProduct, TopProductsChoice } from './top-products.ts';
export type { CategoryProductsKey, Loaders, ProductReviewsKey, Review } from './loaders.ts';
