// A process of the test `writes.prove.ts`: its own cache and pool, on the Redis and the PostgreSQL that all processes share.
import { createRequire } from 'node:module';
import { setTimeout as pause } from 'node:timers/promises';
import { Kysely, PostgresDialect } from 'kysely';
import { readBesideWrites, ready, serve } from './engine-tasks.mjs';

const { Pool } = createRequire(import.meta.url)('pg');
const built = (path) => import(new URL(`../../dist/src/${path}`, import.meta.url).href);
const { createCache, createPolicy, createRedisStore } = await built('cache/index.js');
const { touchedTables } = await built('kysely-cache/index.js');

const [address, connectionString, memoryBytes] = process.argv.slice(2);
const pool = new Pool({ connectionString, max: 20 });
pool.on('error', () => {});
const tables = touchedTables(new PostgresDialect({ pool }));
const db = new Kysely({ dialect: tables.dialect });
const store = await createRedisStore({ address, namespace: 'writes', deadlineMs: 1_000 });
const memoryBytesMax = Number(memoryBytes);
const cache = createCache({ store, deadlineMs: 1_000, memoryBytesMax, knownTags: tables.tags, log: false });
await tables.read();

/** A row that was never committed has this version. */
const uncommitted = -1;
const rollBack = new Error('roll back');

/** The ways to write that are compared. */
const writings = {
  writing: tables.writing(cache),
  /** Invalidates before COMMIT, as code does that invalidates inside of its transaction. */
  control: (_db, work) =>
    db.transaction().execute(async (trx) => {
      const result = await work(trx);
      await cache.invalidate(['counters']);
      return result;
    }),
};

function read(row, on = db) {
  const field = `Counter.n${row}`;
  const policy = createPolicy(field, { ttl: '1m' });
  return cache.fetch(cache.key({ field }), policy, async () => {
    const { version } = await on
      .selectFrom('counters')
      .select('version')
      .where('id', '=', row)
      .executeTakeFirstOrThrow();
    await pause(Math.random() * 3);
    return version;
  });
}

/** Makes `count` reads beside `writers`, of which some roll back; see `readBesideWrites`. */
async function readAndWrite({ way, count, rows, readers, writers }) {
  let rolledBack = 0;
  const write = async (row) => {
    const isRolledBack = Math.random() < 0.3;
    try {
      return await writings[way](db, (trx) => change(trx, row, isRolledBack));
    } catch (error) {
      if (error !== rollBack) throw error;
      rolledBack += 1;
      return undefined;
    }
  };
  const log = await readBesideWrites({
    count,
    rows,
    readers,
    read: (row) => read(row),
    writers,
    write,
    writeEveryMs: 5,
  });
  return { ...log, rolledBack };
}

/** Returns the new version of a row. */
async function change(trx, row, isRolledBack) {
  const set = isRolledBack ? { version: uncommitted } : (eb) => ({ version: eb('version', '+', 1) });
  const { version } = await trx
    .updateTable('counters')
    .set(set)
    .where('id', '=', row)
    .returning('version')
    .executeTakeFirstOrThrow();
  // What is read inside sees the change, and must not be cached.
  await read(row, trx);
  await pause(Math.random() * 3);
  if (isRolledBack) throw rollBack;
  return version;
}

serve(cache, { readAndWrite });
ready();
