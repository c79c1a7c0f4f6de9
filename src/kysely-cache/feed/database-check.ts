/** Whether a database can feed changes, and what it is. */
import type { Client } from 'pg';
import { FeedError } from './feed-error.ts';

interface DatabaseRow {
  /** As text: an oid has 32 bits without a sign. */
  readonly oid: string;
  readonly version: number;
  readonly walLevel: string;
  readonly hasPublication: boolean;
}

/**
 * @returns The id of the database on its server.
 * @throws {FeedError} `WAL_LEVEL`, `PUBLICATION_MISSING`
 */
export async function checkDatabase(client: Client, publication: string): Promise<number> {
  const { rows } = await client.query<DatabaseRow>(`
    select oid::int8 as oid, current_setting('wal_level') as "walLevel",
      current_setting('server_version_num')::int as version,
      exists (select from pg_catalog.pg_publication where pubname = '${publication}') as "hasPublication"
    from pg_catalog.pg_database where datname = current_database()`);
  const [database] = rows;
  if (database === undefined) throw new Error('the database does not know itself');
  const { oid, version, walLevel, hasPublication } = database;
  // PostgreSQL 19 raises the level by itself when there is a slot.
  if (walLevel !== 'logical' && version < 190_000) {
    const how = "ALTER SYSTEM SET wal_level = 'logical', and restart PostgreSQL";
    throw new FeedError('WAL_LEVEL', `wal_level must be logical, got ${walLevel}: run ${how}`);
  }
  if (!hasPublication) {
    const how = `CREATE PUBLICATION ${publication} FOR TABLE <the tables that cached values depend on>`;
    throw new FeedError('PUBLICATION_MISSING', `there is no publication ${publication}: run ${how}`);
  }
  return Number(oid);
}
