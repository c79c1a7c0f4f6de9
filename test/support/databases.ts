import { setTimeout as pause } from 'node:timers/promises';
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
  return { url: url.href, drop: () => drop(name) };
}

/** A replication connection that was closed a moment ago still has its slot until PostgreSQL has noticed. */
async function drop(name: string): Promise<void> {
  for (let triesLeft = 100; ; triesLeft -= 1) {
    try {
      return await onServer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    } catch (error) {
      const isInUse = (error as { code?: string }).code === '55006'; // object_in_use
      if (!isInUse || triesLeft === 0) throw error;
    }
    await pause(50);
  }
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
