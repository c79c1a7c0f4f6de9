// A value that was read in a transaction begun by raw SQL is not stored, whatever the text that began it.
import { CompiledQuery, sql, type Kysely } from 'kysely';
import { describe, expect, it, onTestFinished } from 'vitest';
import { connectDatabase } from '../../src/database/index.ts';
import { patient } from '../database/shop-database.ts';
import { createCache, createMemoryStore } from '../../src/cache/index.ts';
import { TestClock } from '../cache/world.ts';
import { createEmptyDatabase } from '../support/databases.ts';
import { tableWorld, type TableWorld } from './world.ts';

const setUp = 'create table orders (id int); create procedure nothing() language sql as $$ $$';

type Db = TableWorld['db'];

/** Runs an SQL text unchanged. */
function runText(db: Kysely<never> | Db, text: string): Promise<unknown> {
  return db.executeQuery(CompiledQuery.raw(text));
}

function readOrders(db: Db): () => Promise<unknown> {
  return () => db.selectFrom('orders').selectAll().execute();
}

describe('a value read in a transaction that raw SQL has begun is not stored', () => {
  it.each([
    'begin',
    'BEGIN WORK;',
    ' \n;; begin',
    '/* app */ begin',
    '/* app /* nested */ ; */ begin',
    '-- x\nbegin',
    '--\r\n/**/begin/**/',
    'select 1; begin',
    `select ';'; select $a$ ; $a$; begin`,
    'start/**/transaction',
    'start transaction isolation level repeatable read, read write',
    'begin; select 1',
    'begin; commit; begin',
    'begin; commit and chain',
    'begin; rollback and chain',
    'begin; savepoint a; release savepoint a',
    'begin; savepoint a; rollback to savepoint a',
    'rollback; begin',
    'commit; /* app */ begin transaction read write',
  ])('%j', async (begin) => {
    const { db, tagsOf } = await tableWorld(setUp);
    await db.connection().execute(async (connection) => {
      await runText(connection, begin);
      await runText(connection, 'insert into orders values (1)');
      expect(await tagsOf(readOrders(connection), ['orders'])).toBe(
        'uncommitted-read: a transaction that did not begin in this load',
      );
      await runText(connection, 'rollback');
      expect(await tagsOf(readOrders(connection))).toBe('orders');
    });
  });

  it.each(['/* app */ begin', 'select 1; begin'])('even if the load begins it: %j', async (begin) => {
    const { db, tagsOf } = await tableWorld(setUp);
    await db.connection().execute(async (connection) => {
      const load = async (): Promise<unknown> => {
        await runText(connection, begin);
        await runText(connection, 'insert into orders values (1)');
        return await readOrders(connection)();
      };
      expect(await tagsOf(load, ['orders'])).toBe('uncommitted-read: a transaction that raw SQL begins or ends');
      await runText(connection, 'rollback');
    });
  });

  it('even if the load begins another transaction in it', async () => {
    const { db, tagsOf } = await tableWorld(setUp);
    await db.connection().execute(async (connection) => {
      await runText(connection, '/* app */ begin');
      await runText(connection, 'insert into orders values (1)');
      const load = (): Promise<unknown> => connection.transaction().execute((trx) => readOrders(trx as Db)());
      expect(await tagsOf(load, ['orders'])).toMatch(/^uncommitted-read/);
      expect(await tagsOf(readOrders(connection))).toBe('orders');
    });
  });

  it('even if another statement ends the previous transaction at the same time', async () => {
    const { db, tagsOf } = await tableWorld(setUp);
    await db.connection().execute(async (connection) => {
      await runText(connection, 'begin');
      await Promise.all(
        ['commit', '/* app */ begin', 'insert into orders values (1)'].map((text) => runText(connection, text)),
      );
      expect(await tagsOf(readOrders(connection), ['orders'])).toMatch(/^uncommitted-read/);
      await runText(connection, 'rollback');
    });
  });

  it('even if it may have been begun by EXECUTE of a statement that the protocol prepared', async () => {
    const { db, tagsOf } = await tableWorld(setUp);
    await db.connection().execute(async (connection) => {
      await runText(connection, 'execute begun').catch(() => {});
      expect(await tagsOf(readOrders(connection), ['orders'])).toMatch(/^uncommitted-read/);
      await runText(connection, 'rollback');
      expect(await tagsOf(readOrders(connection))).toBe('orders');
    });
  });

  it('even if its text is too long to be parsed', async () => {
    const { db, tagsOf } = await tableWorld(setUp);
    await db.connection().execute(async (connection) => {
      await runText(connection, `/* ${'x'.repeat(1_000_000)} */ begin`);
      expect(await tagsOf(readOrders(connection), ['orders'])).toMatch(/^uncommitted-read/);
      await runText(connection, 'rollback');
      expect(await tagsOf(readOrders(connection))).toBe('orders');
    });
  });

  it('even after its connection has returned to the pool', async () => {
    const { db, tagsOf } = await tableWorld(setUp, { connectionsMax: 1 });
    await runText(db, 'select 1; begin');
    await runText(db, 'insert into orders values (1)');
    expect(await tagsOf(readOrders(db), ['orders'])).toMatch(/^uncommitted-read/);
    await runText(db, 'rollback');
    expect(await tagsOf(readOrders(db))).toBe('orders');
  });

  it('even in the pool of the shop', async () => {
    const database = await createEmptyDatabase();
    const shop = connectDatabase({ url: database.url, onError() {}, poolMax: 1, ...patient });
    const clock = new TestClock();
    const cache = createCache({
      store: createMemoryStore({ namespace: 'shop', clock }),
      clock,
      knownTags: shop.tableTags,
      log: false,
    });
    onTestFinished(async () => {
      await cache.close();
      await shop.close();
      await database.drop();
    });
    const raw = (text: string): Promise<{ rows: unknown[] }> => sql.raw(text).execute(shop.db);
    await raw('create table orders (id int)');
    await shop.readTables();
    const count = (): Promise<unknown> =>
      cache.fetch(cache.key({ field: 'Query.orders' }), { ttlMs: 60_000, tags: ['orders'] }, async () => {
        return (await raw('select id from orders')).rows.length;
      });
    await raw('/* app */ begin');
    await raw('insert into orders values (1)');
    expect(await count()).toBe(1);
    await raw('rollback');
    expect(await count()).toBe(0);
  });
});

describe('a value is stored if its connection is outside of transactions', () => {
  it.each([
    'commit',
    'end',
    'abort',
    'rollback/**/work',
    '-- x\ncommit and no chain;',
    'select 1; rollback; select 2',
    'begin; commit',
    `prepare transaction 'x'`,
  ])('after a transaction and %j', async (end) => {
    const { db, tagsOf } = await tableWorld(setUp);
    await db.connection().execute(async (connection) => {
      await runText(connection, 'begin');
      // The server of the tests does not allow PREPARE TRANSACTION, so roll back instead.
      await runText(connection, end).catch(() => runText(connection, 'rollback'));
      expect(await tagsOf(readOrders(connection))).toBe('orders');
    });
  });

  it.each([
    `select 'begin'`,
    'select 1 as begin_x',
    'select id as "begin" from orders',
    '/* begin */ select 1',
    'select case when true then 1 end',
    'call nothing()',
    'do $$ begin null; end $$',
    'prepare p as select 1',
    'start',
  ])('after %j without a transaction', async (text) => {
    const { db, tagsOf } = await tableWorld(setUp);
    await db.connection().execute(async (connection) => {
      await runText(connection, text).catch(() => runText(connection, 'rollback'));
      expect(await tagsOf(readOrders(connection))).toBe('orders');
    });
  });
});

it('a value has the tables of statements that run while Kysely sets a savepoint', async () => {
  const { db, tagsOf } = await tableWorld(setUp);
  const load = async (): Promise<unknown> => {
    const trx = await db.startTransaction().execute();
    const [rows] = await Promise.all([
      readOrders(trx as Db)(),
      trx.savepoint('one').execute(),
      readOrders(trx as Db)(),
    ]);
    await trx.commit().execute();
    return rows;
  };
  expect(await tagsOf(load)).toBe('orders');
});
