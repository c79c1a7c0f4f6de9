// Rows of Drizzle on PostgreSQL are plain data; a column whose type makes instances of a class needs a codec.
import { createCache, createMemoryStore, createPolicy, type Codec, type Outcome } from 'cachepot/cache';
import { Decimal } from 'decimal.js';
import { eq, relations, sql } from 'drizzle-orm';
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import { bigint, customType, integer, jsonb, numeric, pgTable, text, timestamp } from 'drizzle-orm/pg-core';
import { Pool } from 'pg';
import { expect, it, onTestFinished } from 'vitest';
import { createEmptyDatabase } from '../support/databases.ts';
import { decimalCodec } from './decimal-codec.ts';

const money = customType<{ data: Decimal; driverData: string }>({
  dataType: () => 'numeric(12, 2)',
  fromDriver: (value) => new Decimal(value),
  toDriver: (value) => value.toFixed(2),
});
const shelves = pgTable('shelves', { id: integer().primaryKey(), name: text().notNull() });
const plants = pgTable('plants', {
  id: integer().primaryKey(),
  shelfId: integer().notNull(),
  price: numeric().notNull(),
  sold: bigint({ mode: 'bigint' }).notNull(),
  at: timestamp().notNull(),
  care: jsonb().notNull(),
  note: text(),
});
const bills = pgTable('bills', { id: integer().primaryKey(), total: money().notNull() });
const shelfRelations = relations(shelves, ({ many }) => ({ plants: many(plants) }));
const plantRelations = relations(plants, ({ one }) => ({
  shelf: one(shelves, { fields: [plants.shelfId], references: [shelves.id] }),
}));
const schema = { shelves, plants, bills, shelfRelations, plantRelations };

const tables = `
  create table shelves (id int primary key, name text not null);
  create table plants (id int primary key, "shelfId" int not null, price numeric(12, 2) not null, sold bigint not null,
    at timestamp not null, care jsonb not null, note text);
  create table bills (id int primary key, total numeric(12, 2) not null);
  insert into shelves values (1, 'Window');
  insert into plants values (1, 1, 12.50, 9007199254740993, '2026-11-28 10:00', '{"water":["often"]}', null);
  insert into bills values (1, 12.50)`;

type Database = NodePgDatabase<typeof schema>;
type Load = (db: Database) => unknown;

interface Received {
  readonly miss: unknown;
  readonly hit: unknown;
  readonly state: string | undefined;
  readonly notStored: string | undefined;
}

/** Returns a function that fetches twice from a new cache. */
async function newShelves(): Promise<(load: Load, codecs?: readonly Codec[]) => Promise<Received>> {
  const database = await createEmptyDatabase();
  const pool = new Pool({ connectionString: database.url });
  onTestFinished(async () => {
    await pool.end();
    await database.drop();
  });
  await pool.query(tables);
  const db = drizzle(pool, { schema });
  return async (load, codecs = []) => {
    const cache = createCache({ store: createMemoryStore({ namespace: 'zoo' }), log: false, codecs });
    const outcomes: Outcome[] = [];
    const report = (outcome: Outcome): void => void outcomes.push(outcome);
    const policy = createPolicy('Query.plants', { ttl: '60s' });
    const fetch = async (): Promise<unknown> =>
      cache.fetch(cache.key({ field: 'Query.plants' }), policy, () => load(db), { report });
    const [miss, hit] = [await fetch(), await fetch()];
    await cache.close();
    return { miss, hit, state: outcomes[1]?.state, notStored: outcomes[0]?.notStored };
  };
}

it.each<[string, Load]>([
  ['a query', (db) => db.select().from(plants)],
  ['a join', (db) => db.select().from(plants).innerJoin(shelves, eq(plants.shelfId, shelves.id))],
  ['relations', (db) => db.query.shelves.findMany({ with: { plants: true } })],
  ['a row with its relation', (db) => db.query.plants.findFirst({ with: { shelf: true } })],
  ['the rows of raw SQL', async (db) => (await db.execute(sql`select * from plants`)).rows],
])('equal those of the miss on a hit, with bigint, Date and JSON: %s', async (_name, load) => {
  const fetchTwice = await newShelves();
  const { miss, hit, state, notStored } = await fetchTwice(load);
  expect([state, notStored]).toEqual(['hit', undefined]);
  expect(hit).toStrictEqual(miss);
  expect(hit).not.toBe(miss);
});

it('are stored with the instances that a column makes, if there is a codec', async () => {
  const fetchTwice = await newShelves();
  const load: Load = (db) => db.select().from(bills);
  const { state, notStored } = await fetchTwice(load);
  expect(state).toBe('miss');
  expect(notStored).toBe('instance of Decimal at 0.total, which needs a codec (codecs of createCache)');
  const stored = await fetchTwice(load, [decimalCodec]);
  expect(stored.state).toBe('hit');
  const [bill] = stored.hit as { total: Decimal }[];
  expect(bill?.total).toBeInstanceOf(Decimal);
  expect(bill?.total.toFixed(2)).toBe('12.50');
});
