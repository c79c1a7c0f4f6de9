import type { Insertable, Kysely } from 'kysely';
import { inject, onTestFinished } from 'vitest';
import { connectDatabase, type Database, type DatabaseOptions } from '../../src/database/index.ts';
import { migrate } from '../../src/database/migrate.ts';
import { seed } from '../../src/database/seed.ts';
import type { Tables } from '../../src/database/tables.ts';
import type { Writing } from '../../src/kysely-cache/index.ts';
import { createEmptyDatabase } from '../support/databases.ts';

export interface ShopDatabase {
  readonly db: Kysely<Tables>;
  readonly url: string;
  readonly writing: Database['writing'];
  /** The SQL of every statement since the last call, oldest first. */
  statements: () => string[];
}

/** Limits for tests that are not about an unavailable database: a busy machine must not be mistaken for one. */
export const patient = { connectMsMax: 120_000, replyMsMax: 120_000 } as const;

/** A connection with the limits of `patient`, closed after the test. */
export function connect(options: Partial<DatabaseOptions> = {}): Database {
  return connectAsInProduction({ ...patient, ...options });
}

/** A connection that detects an unavailable database as soon as in production, closed after the test. */
export function connectAsInProduction(options: Partial<DatabaseOptions> = {}): Database {
  const database = connectDatabase({ url: inject('databaseUrl'), onError: () => undefined, ...options });
  onTestFinished(() => database.close());
  return database;
}

/** The seeded shop that all tests share. It must only be read. */
export function seededShop(): ShopDatabase {
  return recorded(inject('databaseUrl'));
}

/** An empty database, dropped after the test. */
export async function emptyDatabase(): Promise<string> {
  const database = await createEmptyDatabase();
  onTestFinished(() => database.drop());
  return database.url;
}

/** A database with the shop's seed data, for tests that write; dropped after the test. */
export async function seededDatabase(): Promise<string> {
  const url = await emptyDatabase();
  await migrate({ url });
  await seed({ url });
  return url;
}

/** For a shop that is only read. */
export const noWriting: Writing = () => Promise.reject(new Error('this shop must only be read'));

interface ShopRows {
  categories?: Insertable<Tables['categories']>[];
  products?: Insertable<Tables['products']>[];
  reviews?: Insertable<Tables['reviews']>[];
}

/** A shop with these rows and no others, dropped after the test. */
export async function newShop(rows: ShopRows): Promise<ShopDatabase> {
  const url = await emptyDatabase();
  await migrate({ url });
  const shop = recorded(url);
  for (const table of ['categories', 'products', 'reviews'] as const) {
    const values = rows[table] ?? [];
    if (values.length > 0) await shop.db.insertInto(table).values(values).execute();
  }
  shop.statements();
  return shop;
}

function recorded(url: string): ShopDatabase {
  let statements: string[] = [];
  const database = connect({ url, log: ({ query }) => void statements.push(query.sql) });
  return {
    db: database.db,
    url,
    writing: (cache) => database.writing(cache),
    statements: () => {
      const seen = statements;
      statements = [];
      return seen;
    },
  };
}
