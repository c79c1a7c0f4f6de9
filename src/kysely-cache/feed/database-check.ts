/** Whether a database can feed changes. */
import type { Client } from 'pg';
import { FeedError } from './feed-error.ts';

/** What the server says of the database. */
export interface DatabaseRow {
  /** As text: it has 32 bits without a sign. */
  readonly oid: string;
  readonly version: number;
  readonly walLevel: string;
  readonly hasPublication: boolean;
}

export async function readDatabase(client: Client, publication: string): Promise<DatabaseRow> {
  const { rows } = await client.query<DatabaseRow>(`
    select oid::text, current_setting('server_version_num')::int as version, current_setting('wal_level') as "walLevel",
      exists (select from pg_catalog.pg_publication where pubname = '${publication}') as "hasPublication"
    from pg_catalog.pg_database where datname = current_database()`);
  const [database] = rows;
  if (database === undefined) throw new Error('the server does not list the database');
  return database;
}

/** What is missing, and how to provide it; undefined if nothing is. */
export function faultOf(
  { version, walLevel, hasPublication }: DatabaseRow,
  publication: string,
): FeedError | undefined {
  // PostgreSQL 19 raises the level by itself when there is a slot.
  if (walLevel !== 'logical' && version < 190_000) {
    const how = "ALTER SYSTEM SET wal_level = 'logical', and restart PostgreSQL";
    return new FeedError('WAL_LEVEL', `wal_level must be logical, got ${walLevel}: run ${how}`);
  }
  if (!hasPublication) {
    const how = `CREATE PUBLICATION ${publication} FOR TABLE <the tables that cached values depend on>`;
    return new FeedError('PUBLICATION_MISSING', `there is no publication ${publication}: run ${how}`);
  }
  return undefined;
}
