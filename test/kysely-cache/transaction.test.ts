// Whatever begins a transaction, no value is stored of what is read in it.
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

/** Runs a text on a connection as it is. */
function ran(db: Kysely<never> | Db, text: string): Promise<unknown> {
  return db.executeQuery(CompiledQuery.raw(text));
}

function readOrders(db: Db): () => Promise<unknown> {
  return () => db.selectFrom('orders').selectAll().execute();
}

describe('a transaction that raw SQL has begun fills nothing', () => {
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
    const { db, standsOn } = await tableWorld(setUp);
    await db.connection().execute(async (connection) => {
      await ran(connection, begin);
      await ran(connection, 'insert into orders values (1)');
      expect(await standsOn(readOrders(connection), ['orders'])).toBe(
        'uncommitted-read: a transaction that did not begin in this load',
      );
      await ran(connection, 'rollback');
      expect(await standsOn(readOrders(connection))).toBe('orders');
    });
  });

  it.each(['/* app */ begin', 'select 1; begin'])('in a load either: %j', async (begin) => {
    const { db, standsOn } = await tableWorld(setUp);
    await db.connection().execute(async (connection) => {
      const load = async (): Promise<unknown> => {
        await ran(connection, begin);
        await ran(connection, 'insert into orders values (1)');
        return await readOrders(connection)();
      };
      expect(await standsOn(load, ['orders'])).toBe('uncommitted-read: a transaction that raw SQL begins or ends');
      await ran(connection, 'rollback');
    });
  });

  it('although the load that reads begins it again', async () => {
    const { db, standsOn } = await tableWorld(setUp);
    await db.connection().execute(async (connection) => {
      await ran(connection, '/* app */ begin');
      await ran(connection, 'insert into orders values (1)');
      const load = (): Promise<unknown> => connection.transaction().execute((trx) => readOrders(trx as Db)());
      expect(await standsOn(load, ['orders'])).toMatch(/^uncommitted-read/);
      expect(await standsOn(readOrders(connection))).toBe('orders');
    });
  });

  it('although another text ended the one before at the same time', async () => {
    const { db, standsOn } = await tableWorld(setUp);
    await db.connection().execute(async (connection) => {
      await ran(connection, 'begin');
      await Promise.all(
        ['commit', '/* app */ begin', 'insert into orders values (1)'].map((text) => ran(connection, text)),
      );
      expect(await standsOn(readOrders(connection), ['orders'])).toMatch(/^uncommitted-read/);
      await ran(connection, 'rollback');
    });
  });

  it('although EXECUTE has begun it, of a statement that the protocol prepared', async () => {
    const { db, standsOn } = await tableWorld(setUp);
    await db.connection().execute(async (connection) => {
      await ran(connection, 'execute begun').catch(() => {});
      expect(await standsOn(readOrders(connection), ['orders'])).toMatch(/^uncommitted-read/);
      await ran(connection, 'rollback');
      expect(await standsOn(readOrders(connection))).toBe('orders');
    });
  });

  it('although its text is too long to be parsed', async () => {
    const { db, standsOn } = await tableWorld(setUp);
    await db.connection().execute(async (connection) => {
      await ran(connection, `/* ${'x'.repeat(1_000_000)} */ begin`);
      expect(await standsOn(readOrders(connection), ['orders'])).toMatch(/^uncommitted-read/);
      await ran(connection, 'rollback');
      expect(await standsOn(readOrders(connection))).toBe('orders');
    });
  });

  it('also after its connection has gone back to the pool', async () => {
    const { db, standsOn } = await tableWorld(setUp, { connectionsMax: 1 });
    await ran(db, 'select 1; begin');
    await ran(db, 'insert into orders values (1)');
    expect(await standsOn(readOrders(db), ['orders'])).toMatch(/^uncommitted-read/);
    await ran(db, 'rollback');
    expect(await standsOn(readOrders(db))).toBe('orders');
  });

  it('also in the pool of the shop', async () => {
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

describe('a connection counts as outside of transactions', () => {
  it.each([
    'commit',
    'end',
    'abort',
    'rollback/**/work',
    '-- x\ncommit and no chain;',
    'select 1; rollback; select 2',
    'begin; commit',
    `prepare transaction 'x'`,
  ])('after %j', async (end) => {
    const { db, standsOn } = await tableWorld(setUp);
    await db.connection().execute(async (connection) => {
      await ran(connection, 'begin');
      // The server of the tests has no second phase: there it rolls back.
      await ran(connection, end).catch(() => ran(connection, 'rollback'));
      expect(await standsOn(readOrders(connection))).toBe('orders');
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
  ])('after %j', async (text) => {
    const { db, standsOn } = await tableWorld(setUp);
    await db.connection().execute(async (connection) => {
      await ran(connection, text).catch(() => ran(connection, 'rollback'));
      expect(await standsOn(readOrders(connection))).toBe('orders');
    });
  });
});

it('statements that run while Kysely sets a savepoint are watched', async () => {
  const { db, standsOn } = await tableWorld(setUp);
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
  expect(await standsOn(load)).toBe('orders');
});
