import { sql, type Kysely } from 'kysely';
import type { Tables } from './tables.ts';

/** One row, whose `exist` is the result. The seed runs the same query on a connection without Kysely. */
export const tablesExistSql = `
  select to_regclass('categories') is not null
     and to_regclass('products') is not null
     and to_regclass('reviews') is not null as exist`;

/**
 * Whether the shop's three tables exist and are on the connection's search path. A check at startup: the app itself never changes the
 * schema of a database that it is given; `npm run migrate` does.
 */
export async function tablesExist(db: Kysely<Tables>): Promise<boolean> {
  const { rows } = await sql.raw<{ exist: boolean }>(tablesExistSql).execute(db);
  return rows[0]?.exist === true;
}
