import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { inject } from 'vitest';

/** A database for one test, on the server that all tests share. */
interface TestDatabase {
  readonly url: string;
  /** Drops the database, and ends its open connections with an error. */
  drop(): Promise<void>;
}

/** Creates an empty database: no tables, PostgreSQL 18, UTF-8. */
export async function createEmptyDatabase(): Promise<TestDatabase> {
  const name = `test_${randomBytes(8).toString('hex')}`;
  await onServer(`CREATE DATABASE ${name}`);
  const url = new URL(inject('databaseUrl'));
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => onServer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
}

async function onServer(sql: string): Promise<void> {
  const url = new URL(inject('databaseUrl'));
  // Connects to `postgres`: CREATE DATABASE copies template1, and fails while another session is connected to that.
  url.pathname = '/postgres';
  const client = new Client({ connectionString: url.href });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
