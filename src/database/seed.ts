import type { Client } from 'pg';
import { inSession } from './session.ts';
import { sqlText } from './sql-text.ts';
import { tablesExistSql } from './tables-exist.ts';

/** The default sizes of `sql/2-seed.sql`. */
export const seedDefaults = { products: 500, reviews: 5_000 } as const;

const seedMin = { products: 1, reviews: 0 } as const;
const seedMax = { products: 1_000_000, reviews: 10_000_000 } as const;

/** The progress of the seed. */
export interface SeedProgress {
  table: 'products' | 'reviews';
  done: number;
  total: number;
}

/** The size of the shop. */
interface SeedOptions {
  url: string;
  /** 1…1,000,000. Default: 500. */
  products?: number;
  /** 0…10,000,000. Default: 5,000. */
  reviews?: number;
  /** Called after each batch has been committed. */
  onProgress?: (progress: SeedProgress) => void;
}

/** The seed cannot run. `TABLES_MISSING`: migrate first. `OUT_OF_RANGE`: a size is not allowed. */
class SeedError extends Error {
  override readonly name = 'SeedError';
  readonly code: 'TABLES_MISSING' | 'OUT_OF_RANGE';

  constructor(code: SeedError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

const seedLock = 0x73_65_65_64;
const batchRows = 25_000;

/**
 * Fills the database at `url` with `sql/2-seed.sql`, in batches of one transaction each, and ends with ANALYZE. Equal sizes give equal
 * rows on every empty database. Existing rows stay; larger sizes add what is missing, spreading only the added reviews over all products.
 * Two calls at once do not collide: the second waits for the first.
 *
 * @returns The number of rows in each table.
 * @throws {SeedError} before anything is written.
 */
export function seed(options: SeedOptions): Promise<{ categories: number; products: number; reviews: number }> {
  const { url, products = seedDefaults.products, reviews = seedDefaults.reviews, onProgress } = options;
  assertInRange('products', products);
  assertInRange('reviews', reviews);
  return inSession(url, async (client) => {
    await assertTablesExist(client);
    await client.query('select pg_advisory_lock($1)', [seedLock]);
    const text = await sqlText('2-seed.sql');
    const sizes = { products, reviews };
    for (const table of ['products', 'reviews'] as const) {
      const total = sizes[table];
      for (let first = 1; first <= total; first += batchRows) {
        const last = Math.min(first + batchRows - 1, total);
        await runBatch(client, text, batchSettings(products, table, first, last));
        onProgress?.({ table, done: last, total });
      }
    }
    await client.query('analyze categories, products, reviews');
    return countRows(client);
  });
}

async function runBatch(client: Client, text: string, settings: Record<string, number>): Promise<void> {
  await client.query('begin');
  for (const [name, value] of Object.entries(settings)) {
    await client.query('select set_config($1, $2, true)', [`seed.${name}`, String(value)]);
  }
  await client.query(text);
  await client.query('commit');
}

/** The rows `first`…`last` of one table, and none of the other. */
function batchSettings(
  products: number,
  table: SeedProgress['table'],
  first: number,
  last: number,
): Record<string, number> {
  const none = { first_product: 1, last_product: 0, first_review: 1, last_review: 0 };
  return table === 'products'
    ? { ...none, products, first_product: first, last_product: last }
    : { ...none, products, first_review: first, last_review: last };
}

function assertInRange(table: SeedProgress['table'], value: number): void {
  if (Number.isInteger(value) && value >= seedMin[table] && value <= seedMax[table]) return;
  throw sizeRefused(table, String(value));
}

/** The error for a size that is not allowed, or is not a number. */
export function sizeRefused(table: SeedProgress['table'], got: string): SeedError {
  const range = `${seedMin[table]}…${seedMax[table]}`;
  return new SeedError('OUT_OF_RANGE', `--${table} must be a whole number ${range}, got ${got}`);
}

async function assertTablesExist(client: Client): Promise<void> {
  const { rows } = await client.query<{ exist: boolean }>(tablesExistSql);
  if (rows[0]?.exist === true) return;
  throw new SeedError('TABLES_MISSING', 'The tables are not there. Run first: npm run migrate');
}

async function countRows(client: Client): Promise<{ categories: number; products: number; reviews: number }> {
  const { rows } = await client.query<{ categories: number; products: number; reviews: number }>(`
    select (select count(*)::integer from categories) as categories,
           (select count(*)::integer from products) as products,
           (select count(*)::integer from reviews) as reviews`);
  return rows[0] ?? { categories: 0, products: 0, reviews: 0 };
}
