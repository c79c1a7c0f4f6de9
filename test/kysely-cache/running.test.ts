import { CamelCasePlugin, CompiledQuery, sql, type Dialect } from 'kysely';
import { describe, expect, it } from 'vitest';
import { tableWorld } from './world.ts';

const setUp =
  'create table products (id int primary key); create table orders (id int); create table odd_ones (id int)';

describe('a statement counts for the load that runs it', () => {
  it('and not for the one that builds it', async () => {
    const { db, standsOn } = await tableWorld(setUp);
    let query: { execute(): Promise<unknown> } = db.selectFrom('products').select('id');
    expect(await standsOn(() => void (query = db.selectFrom('orders').select('id')))).toBe('');
    expect(await standsOn(() => query.execute())).toBe('orders');
  });

  it('also where it was compiled elsewhere', async () => {
    const { db, standsOn } = await tableWorld(setUp);
    let compiled: CompiledQuery = db.selectFrom('products').select('id').compile();
    expect(await standsOn(() => void (compiled = db.selectFrom('orders').select('id').compile()))).toBe('');
    expect(await standsOn(() => db.executeQuery(compiled))).toBe('orders');
  });

  it('also where it is a raw compiled one', async () => {
    const { db, standsOn } = await tableWorld(setUp);
    const ran = (text: string): Promise<unknown> => db.executeQuery(CompiledQuery.raw(text, []));
    expect(await standsOn(() => ran('select * from orders'))).toBe('orders');
    expect(await standsOn(() => ran('select 1 + 1'))).toBe('');
  });

  it('also where it fails and the load goes on', async () => {
    const { db, standsOn, run } = await tableWorld(setUp);
    await run('insert into products values (0)');
    const ratio = db.selectFrom('products').select(sql`1 / id`.as('ratio'));
    expect(await standsOn(() => ratio.execute().catch(() => 'infinite'))).toBe('products');
  });

  it('with what the other plugins made of it', async () => {
    const { db, standsOn } = await tableWorld(setUp);
    const camel = db.withPlugin(new CamelCasePlugin());
    expect(await standsOn(() => camel.selectFrom('oddOnes').selectAll().execute())).toBe('odd_ones');
  });

  it('also where Kysely was told to leave out all plugins', async () => {
    const { db, standsOn } = await tableWorld(setUp);
    expect(await standsOn(() => db.withoutPlugins().selectFrom('orders').selectAll().execute())).toBe('orders');
  });

  it('on a connection of its own', async () => {
    const { db, standsOn } = await tableWorld(setUp);
    const load = (): Promise<unknown> =>
      db.connection().execute((connection) => connection.selectFrom('orders').selectAll().execute());
    expect(await standsOn(load)).toBe('orders');
  });

  it('beside others of the same load', async () => {
    const { db, standsOn } = await tableWorld(setUp);
    const load = (): Promise<unknown> =>
      Promise.all(['orders', 'products'].map((table) => db.selectFrom(table).selectAll().execute()));
    expect(await standsOn(load)).toBe('orders products');
  });

  it('and for no other load that runs at the same time', async () => {
    const { db, standsOn } = await tableWorld(setUp);
    const loads = ['orders', 'products'].map((table) => standsOn(() => db.selectFrom(table).selectAll().execute()));
    expect(await Promise.all(loads)).toEqual(['orders', 'products']);
  });

  it('as a stream, for whoever takes its rows', async () => {
    const { db, standsOn } = await tableWorld(setUp, { around: inChunks });
    const rows = db.selectFrom('orders').selectAll().stream();
    await rows.next();
    expect(await standsOn(() => rows.next())).toBe('orders');
    await rows.return?.();
    const all = async (): Promise<unknown> => {
      const seen = [];
      for await (const row of db.selectFrom('products').selectAll().stream()) seen.push(row);
      return seen;
    };
    expect(await standsOn(all)).toBe('products');
  });
});

describe('a transaction', () => {
  it('of the load counts like its statements', async () => {
    const { db, standsOn } = await tableWorld(setUp);
    const load = (): Promise<unknown> =>
      db
        .transaction()
        .setIsolationLevel('repeatable read')
        .execute((trx) => trx.selectFrom('orders').selectAll().execute());
    expect(await standsOn(load)).toBe('orders');
  });

  it('of the load may have savepoints', async () => {
    const { db, standsOn } = await tableWorld(setUp);
    const load = async (): Promise<unknown> => {
      const trx = await db.startTransaction().execute();
      const saved = await trx.savepoint('one').execute();
      await saved.insertInto('orders').values({ id: 1 }).execute();
      await saved.releaseSavepoint('one').execute();
      const rows = await trx.selectFrom('orders').selectAll().execute();
      await trx.commit().execute();
      return rows;
    };
    expect(await standsOn(load)).toBe('orders');
  });

  it('of the load fills nothing with rows that it has rolled back to a savepoint', async () => {
    const { db, standsOn } = await tableWorld(setUp);
    const load = async (): Promise<unknown> => {
      const trx = await db.startTransaction().execute();
      const saved = await trx.savepoint('one').execute();
      await saved.insertInto('orders').values({ id: 1 }).execute();
      const rows = await saved.selectFrom('orders').selectAll().execute();
      await saved.rollbackToSavepoint('one').execute();
      await trx.commit().execute();
      return rows;
    };
    for (const tags of [[], ['orders']]) {
      expect(await standsOn(load, tags)).toBe('uncommitted-read: a savepoint that was rolled back to');
    }
  });

  it.each(['rolls back', 'leaves open'])('of the load fills nothing where it %s', async (how) => {
    const { db, standsOn } = await tableWorld(setUp);
    for (const tags of [[], ['orders']]) {
      const opened: { rollback(): { execute(): Promise<unknown> } }[] = [];
      const load = async (): Promise<unknown> => {
        const own = await db.startTransaction().execute();
        opened.push(own);
        await own.insertInto('orders').values({ id: 1 }).execute();
        const rows = await own.selectFrom('orders').selectAll().execute();
        if (how === 'rolls back') await own.rollback().execute();
        return rows;
      };
      const seen = await standsOn(load, tags);
      if (how === 'leaves open') for (const own of opened) await own.rollback().execute();
      expect(seen).toBe('uncommitted-read: a transaction that was not committed');
    }
    expect(await standsOn(() => db.selectFrom('orders').selectAll().execute())).toBe('orders');
  });

  it('that began before the load fills nothing: it sees what it has written itself', async () => {
    const { db, standsOn } = await tableWorld(setUp);
    await db.transaction().execute(async (trx) => {
      await trx.insertInto('orders').values({ id: 1 }).execute();
      for (const tags of [[], ['orders']]) {
        const seen = await standsOn(() => trx.selectFrom('orders').selectAll().execute(), tags);
        expect(seen).toBe('uncommitted-read: a transaction that did not begin in this load');
      }
    });
    expect(await standsOn(() => db.selectFrom('orders').selectAll().execute())).toBe('orders');
  });

  it.each(['begin', 'start transaction isolation level repeatable read', ' BEGIN WORK;'])(
    'that raw SQL began fills nothing either: %s',
    async (begin) => {
      const { db, standsOn } = await tableWorld(setUp);
      await db.connection().execute(async (connection) => {
        await connection.executeQuery(CompiledQuery.raw(begin));
        const load = (): Promise<unknown> => connection.selectFrom('orders').selectAll().execute();
        expect(await standsOn(load, ['orders'])).toContain('uncommitted-read');
        await sql`savepoint one`.execute(connection);
        await sql`rollback to savepoint one`.execute(connection);
        expect(await standsOn(load, ['orders'])).toContain('uncommitted-read');
        await sql`rollback`.execute(connection);
        expect(await standsOn(load)).toBe('orders');
      });
    },
  );

  it('that has ended leaves its connection to others', async () => {
    const { db, standsOn } = await tableWorld(setUp);
    const failing = db.transaction().execute(() => Promise.reject(new Error('rolled back')));
    await expect(failing).rejects.toThrow('rolled back');
    await db.transaction().execute((trx) => sql`select 1`.execute(trx));
    expect(await standsOn(() => db.selectFrom('orders').selectAll().execute())).toBe('orders');
  });
});

/** Streams that bring a result twice: node-postgres wants a library of its own for cursors. */
function inChunks(dialect: Dialect): Dialect {
  return {
    createAdapter: () => dialect.createAdapter(),
    createIntrospector: (db) => dialect.createIntrospector(db),
    createQueryCompiler: () => dialect.createQueryCompiler(),
    createDriver() {
      const driver = dialect.createDriver();
      const acquire = driver.acquireConnection.bind(driver);
      driver.acquireConnection = async () => {
        const connection = await acquire();
        connection.streamQuery = async function* (statement) {
          yield { rows: [{ id: 1 }] as never[] };
          yield await connection.executeQuery(statement);
        };
        return connection;
      };
      return driver;
    },
  };
}
