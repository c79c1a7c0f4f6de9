import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { inject } from 'vitest';

/** A database of a test's own, on the server that all tests share. */
interface TestDatabase {
  readonly url: string;
  /** Drops it, open connections included; those get an error. */
  drop(): Promise<void>;
}

/** An empty database: no tables, PostgreSQL 18, UTF-8. */
export async function createEmptyDatabase(): Promise<TestDatabase> {
  const name = `test_${randomBytes(8).toString('hex')}`;
  await onServer(`CREATE DATABASE ${name}`);
  const url = new URL(inject('databaseUrl'));
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => onServer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
}

async function onServer(sql: string): Promise<void> {
  const url = new URL(inject('databaseUrl'));
  // Not from the shop's database: CREATE DATABASE copies template1, which nobody may be connected to.
  url.pathname = '/postgres';
  const client = new Client({ connectionString: url.href });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
