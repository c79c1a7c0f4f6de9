// A separate database for each test, a Kysely that reports which tables it reads, and a cache whose values have their
// tags.
import { Kysely, PostgresDialect, type Compilable, type Dialect } from 'kysely';
import { Pool } from 'pg';
import { onTestFinished } from 'vitest';
import { createCache, createMemoryStore, createPolicy, type Cache } from '../../src/cache/index.ts';
import { touchedTables, type TouchedTables } from '../../src/kysely-cache/index.ts';
import { TestClock, Trace } from '../cache/world.ts';
import { createEmptyDatabase } from '../support/databases.ts';

/** Any table has any column: the tests check which tables are read. */
type AnyTables = Record<string, Record<string, number>>;

export interface TableWorld {
  readonly db: Kysely<AnyTables>;
  readonly cache: Cache;
  readonly clock: TestClock;
  readonly tables: TouchedTables;
  readonly trace: Trace;
  /** How often a connection was acquired, for a statement or to read the catalogue. */
  readonly connections: () => number;
  /** Whether no connection is in use. */
  readonly isIdle: () => boolean;
  /** Runs SQL outside of the tested Kysely. */
  readonly run: (sql: string) => Promise<void>;
  /** Fetches `Query.field` with `load`. */
  readonly fetch: (load: () => unknown, options?: { field?: string; tags?: readonly string[] }) => Promise<unknown>;
  /** The tags of the value of `load` if it is stored, or else the reason why it is not. */
  readonly tagsOf: (load: () => unknown, tags?: readonly string[]) => Promise<string>;
  /** The tables that PostgreSQL itself opens for a statement: it locks them until the transaction ends. */
  readonly locked: (query: Compilable) => Promise<string>;
}

interface TableWorldOptions {
  /** Whether the catalogue is read at the start. Default: true. */
  isRead?: boolean;
  /** Receives the function that closes the world. Default: it is called after the test. */
  end?: (close: () => Promise<void>) => void;
  /** Wraps the dialect below the tested one. */
  around?: (dialect: Dialect) => Dialect;
  connectionsMax?: number;
}

/** @param setUp The SQL that creates the tables. */
export async function tableWorld(
  setUp: string,
  { isRead = true, end = onTestFinished, around = (dialect) => dialect, connectionsMax = 4 }: TableWorldOptions = {},
): Promise<TableWorld> {
  const database = await createEmptyDatabase();
  const pool = new Pool({ connectionString: database.url, max: connectionsMax });
  // The server ends the remaining connections when the database is dropped.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  const clock = new TestClock();
  let connections = 0;
  const dialect = new PostgresDialect({ pool, onReserveConnection: async () => void (connections += 1) });
  const tables = touchedTables(around(dialect), { clock });
  const db = new Kysely<AnyTables>({ dialect: tables.dialect });
  const store = createMemoryStore({ namespace: 'tables', clock });
  const cache = createCache({ store, clock, knownTags: tables.tags, log: false });
  end(async () => {
    await cache.close();
    await tables.read();
    await db.destroy();
    if (!pool.ended) await pool.end();
    await database.drop();
  });
  const run = async (text: string): Promise<void> => {
    await pool.query(text);
  };
  await run(setUp);
  if (isRead) await tables.read();
  const trace = new Trace(cache);
  let fields = 0;
  const fetch: TableWorld['fetch'] = (load, { field = 'Query.field', tags = [] } = {}) =>
    cache.fetch(cache.key({ field }), createPolicy(field, { ttl: '60s', tags }), load);
  return {
    db,
    cache,
    clock,
    tables,
    trace,
    connections: () => connections,
    isIdle: () => pool.idleCount === pool.totalCount,
    run,
    fetch,
    async tagsOf(load, tags = []) {
      fields += 1;
      const field = `Query.field${fields}`;
      trace.take();
      await fetch(load, { field, tags });
      const refusal = trace.events.find((event) => event.type === 'write-refused');
      if (refusal !== undefined) return `${refusal.reason}: ${refusal.what}`;
      const { text } = await store.read(cache.key({ field }).text, []);
      const { stamps } = JSON.parse(text ?? '{"stamps":{}}') as { stamps: Record<string, string> };
      return Object.keys(stamps)
        .filter((tag) => tag !== '*')
        .toSorted()
        .join(' ');
    },
    async locked(query) {
      const { sql, parameters } = query.compile();
      const client = await pool.connect();
      try {
        await client.query('begin');
        await client.query(sql, [...parameters]);
        const { rows } = await client.query<{ name: string }>(`
          select distinct case when pg_table_is_visible(c.oid) then c.relname else n.nspname || '.' || c.relname end as name
          from pg_locks l join pg_class c on c.oid = l.relation join pg_namespace n on n.oid = c.relnamespace
          where l.pid = pg_backend_pid() and c.relkind in ('r', 'p', 'm') and n.nspname !~ '^pg_'`);
        return rows.map(({ name }) => name).toSorted().join(' '); // prettier-ignore
      } finally {
        await client.query('rollback');
        client.release();
      }
    },
  };
}
