import { CamelCasePlugin, CompiledQuery, sql, type Dialect } from 'kysely';
import { describe, expect, it } from 'vitest';
import { tableWorld } from './world.ts';

const setUp =
  'create table products (id int primary key); create table orders (id int); create table odd_ones (id int)';

describe('a statement adds its tables to the load that runs it', () => {
  it('and not to a load that only builds it', async () => {
    const { db, tagsOf } = await tableWorld(setUp);
    let query: { execute(): Promise<unknown> } = db.selectFrom('products').select('id');
    expect(await tagsOf(() => void (query = db.selectFrom('orders').select('id')))).toBe('');
    expect(await tagsOf(() => query.execute())).toBe('orders');
  });

  it('even if it was compiled elsewhere', async () => {
    const { db, tagsOf } = await tableWorld(setUp);
    let compiled: CompiledQuery = db.selectFrom('products').select('id').compile();
    expect(await tagsOf(() => void (compiled = db.selectFrom('orders').select('id').compile()))).toBe('');
    expect(await tagsOf(() => db.executeQuery(compiled))).toBe('orders');
  });

  it('even if it is compiled raw SQL', async () => {
    const { db, tagsOf } = await tableWorld(setUp);
    const runText = (text: string): Promise<unknown> => db.executeQuery(CompiledQuery.raw(text, []));
    expect(await tagsOf(() => runText('select * from orders'))).toBe('orders');
    expect(await tagsOf(() => runText('select 1 + 1'))).toBe('');
  });

  it('even if it fails and the load continues', async () => {
    const { db, tagsOf, run } = await tableWorld(setUp);
    await run('insert into products values (0)');
    const ratio = db.selectFrom('products').select(sql`1 / id`.as('ratio'));
    expect(await tagsOf(() => ratio.execute().catch(() => 'infinite'))).toBe('products');
  });

  it('as other plugins have transformed it', async () => {
    const { db, tagsOf } = await tableWorld(setUp);
    const camel = db.withPlugin(new CamelCasePlugin());
    expect(await tagsOf(() => camel.selectFrom('oddOnes').selectAll().execute())).toBe('odd_ones');
  });

  it('even without plugins', async () => {
    const { db, tagsOf } = await tableWorld(setUp);
    expect(await tagsOf(() => db.withoutPlugins().selectFrom('orders').selectAll().execute())).toBe('orders');
  });

  it('on a reserved connection', async () => {
    const { db, tagsOf } = await tableWorld(setUp);
    const load = (): Promise<unknown> =>
      db.connection().execute((connection) => connection.selectFrom('orders').selectAll().execute());
    expect(await tagsOf(load)).toBe('orders');
  });

  it('together with concurrent statements of the same load', async () => {
    const { db, tagsOf } = await tableWorld(setUp);
    const load = (): Promise<unknown> =>
      Promise.all(['orders', 'products'].map((table) => db.selectFrom(table).selectAll().execute()));
    expect(await tagsOf(load)).toBe('orders products');
  });

  it('and to no other load that runs at the same time', async () => {
    const { db, tagsOf } = await tableWorld(setUp);
    const loads = ['orders', 'products'].map((table) => tagsOf(() => db.selectFrom(table).selectAll().execute()));
    expect(await Promise.all(loads)).toEqual(['orders', 'products']);
  });

  it('as a stream, to the load that reads its rows', async () => {
    const { db, tagsOf } = await tableWorld(setUp, { around: inChunks });
    const rows = db.selectFrom('orders').selectAll().stream();
    await rows.next();
    expect(await tagsOf(() => rows.next())).toBe('orders');
    await rows.return?.();
    const all = async (): Promise<unknown> => {
      const seen = [];
      for await (const row of db.selectFrom('products').selectAll().stream()) seen.push(row);
      return seen;
    };
    expect(await tagsOf(all)).toBe('products');
  });
});

describe('a transaction', () => {
  it('of the load adds the tables of its statements', async () => {
    const { db, tagsOf } = await tableWorld(setUp);
    const load = (): Promise<unknown> =>
      db
        .transaction()
        .setIsolationLevel('repeatable read')
        .execute((trx) => trx.selectFrom('orders').selectAll().execute());
    expect(await tagsOf(load)).toBe('orders');
  });

  it('of the load may contain savepoints', async () => {
    const { db, tagsOf } = await tableWorld(setUp);
    const load = async (): Promise<unknown> => {
      const trx = await db.startTransaction().execute();
      const saved = await trx.savepoint('one').execute();
      await saved.insertInto('orders').values({ id: 1 }).execute();
      await saved.releaseSavepoint('one').execute();
      const rows = await trx.selectFrom('orders').selectAll().execute();
      await trx.commit().execute();
      return rows;
    };
    expect(await tagsOf(load)).toBe('orders');
  });

  it('of the load prevents storing if it was rolled back to a savepoint', async () => {
    const { db, tagsOf } = await tableWorld(setUp);
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
      expect(await tagsOf(load, tags)).toBe('uncommitted-read: a savepoint that was rolled back to');
    }
  });

  it.each(['rolls back', 'leaves open'])('that the load %s prevents storing', async (how) => {
    const { db, tagsOf } = await tableWorld(setUp);
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
      const seen = await tagsOf(load, tags);
      if (how === 'leaves open') for (const own of opened) await own.rollback().execute();
      expect(seen).toBe('uncommitted-read: a transaction that was not committed');
    }
    expect(await tagsOf(() => db.selectFrom('orders').selectAll().execute())).toBe('orders');
  });

  it('that began before the load prevents storing, because it sees its own uncommitted rows', async () => {
    const { db, tagsOf } = await tableWorld(setUp);
    await db.transaction().execute(async (trx) => {
      await trx.insertInto('orders').values({ id: 1 }).execute();
      for (const tags of [[], ['orders']]) {
        const seen = await tagsOf(() => trx.selectFrom('orders').selectAll().execute(), tags);
        expect(seen).toBe('uncommitted-read: a transaction that did not begin in this load');
      }
    });
    expect(await tagsOf(() => db.selectFrom('orders').selectAll().execute())).toBe('orders');
  });

  it.each(['begin', 'start transaction isolation level repeatable read', ' BEGIN WORK;'])(
    'that raw SQL began prevents storing: %s',
    async (begin) => {
      const { db, tagsOf } = await tableWorld(setUp);
      await db.connection().execute(async (connection) => {
        await connection.executeQuery(CompiledQuery.raw(begin));
        const load = (): Promise<unknown> => connection.selectFrom('orders').selectAll().execute();
        expect(await tagsOf(load, ['orders'])).toContain('uncommitted-read');
        await sql`savepoint one`.execute(connection);
        await sql`rollback to savepoint one`.execute(connection);
        expect(await tagsOf(load, ['orders'])).toContain('uncommitted-read');
        await sql`rollback`.execute(connection);
        expect(await tagsOf(load)).toBe('orders');
      });
    },
  );

  it('that has ended does not affect later loads', async () => {
    const { db, tagsOf } = await tableWorld(setUp);
    const failing = db.transaction().execute(() => Promise.reject(new Error('rolled back')));
    await expect(failing).rejects.toThrow('rolled back');
    await db.transaction().execute((trx) => sql`select 1`.execute(trx));
    expect(await tagsOf(() => db.selectFrom('orders').selectAll().execute())).toBe('orders');
  });
});

/** Adds streams of two chunks, a row and the result: node-postgres needs a separate library for cursors. */
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
