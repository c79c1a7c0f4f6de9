// What `writing` invalidates, and when.
import { CompiledQuery, sql, type Transaction } from 'kysely';
import { describe, expect, it } from 'vitest';
import { SqlParser } from '../../src/kysely-cache/sql-parser.ts';
import { tableWritesOf } from '../../src/kysely-cache/writes/table-writes.ts';
import { tableWorld, type TableWorld } from './world.ts';

type Trx = Transaction<Record<string, Record<string, number>>>;

interface WritingWorld extends TableWorld {
  /** Runs SQL texts within `writing`, and returns the tags that were invalidated. */
  readonly write: (...texts: string[]) => Promise<string>;
  readonly writing: ReturnType<TableWorld['tables']['writing']>;
  /** The tags that were invalidated since the last call. */
  readonly invalidated: () => string;
}

async function writingWorld(setUp: string): Promise<WritingWorld> {
  const world = await tableWorld(setUp);
  let tags: string[] = [];
  world.cache.on((event) => {
    if (event.type === 'invalidate') tags.push(...event.tags);
  });
  const invalidated = (): string => {
    const taken = tags.toSorted().join(' ');
    tags = [];
    return taken;
  };
  const writing = world.tables.writing(world.cache);
  return {
    ...world,
    writing,
    invalidated,
    async write(...texts) {
      await writing(world.db, async (trx) => {
        for (const text of texts) await run(trx, text);
      });
      return invalidated();
    },
  };
}

async function run(trx: Trx | TableWorld['db'], text: string): Promise<void> {
  await trx.executeQuery(CompiledQuery.raw(text));
}

const setUp = `
  create table a (id int primary key, n int);
  create table b (id int primary key, a_id int references a on delete cascade);
  create table c (id int primary key, b_id int references b on delete set null);
  create table d (id int primary key, a_id int references a);
  create table other (id int);
  create schema s; create table s.t (id int primary key); create table s.a (id int);
  create view a_view as select * from a where n > 0;
  create materialized view m as select * from a;
  create table p (id int) partition by range (id);
  create table p1 partition of p for values from (0) to (10);
  create function adds() returns int language sql volatile as 'insert into other values (1) returning id';
  create function reads() returns bigint language sql stable as 'select count(*) from other';
  create function runs_text(t text) returns void language plpgsql as 'begin execute t; end';
  create procedure does() language sql as 'delete from other';
`;

describe('the tables that a statement writes', () => {
  it.each([
    ['insert into other values (1)', 'other'],
    ['insert into a values (1, 1)', 'a'],
    ['insert into a values (1, 1) on conflict (id) do nothing', 'a'],
    ['insert into d values (1, null)', 'd'],
    // Foreign keys act on changes of what they refer to.
    ['update a set n = 2', 'a b c'],
    ['delete from a', 'a b c'],
    ['delete from b', 'b c'],
    ['delete from d', 'd'],
    ['insert into a values (1, 1) on conflict (id) do update set n = 3', 'a b c'],
    ['merge into a using other on a.id = other.id when matched then delete', 'a b c'],
    ['merge into other using a on a.id = other.id when not matched then insert values (a.id)', 'other'],
    ['with gone as (delete from other returning id) insert into d select id, null from gone', 'd other'],
    ['truncate other, d', 'd other'],
    ['truncate a cascade', 'a b c d'],
    ['insert into s.t values (1)', 's.t'],
    ['insert into s.a values (1)', 's.a'],
    ['update a_view set n = 3', 'a b c'],
    ['refresh materialized view m', 'm'],
    ['insert into p values (1)', 'p p1'],
    ['insert into p1 values (1)', 'p p1'],
    ['explain analyze delete from other', 'other'],
    ['select adds()', 'other'],
    ['do $$ begin null; end $$', '*'],
    ['call does()', '*'],
    [`select runs_text('delete from other')`, '*'],
    ['create table new_one (id int)', '*'],
    ['alter table other add column n int', '*'],
    // Nothing is written.
    ['select 1', ''],
    ['select reads()', ''],
    ['select * from a join b on a.id = b.a_id for update of a', ''],
    ['set local statement_timeout = 1000', ''],
    ['lock table other', ''],
    ['savepoint x', ''],
  ])('%s: %s', async (text, tags) => {
    const { write } = await writingWorld(setUp);
    expect(await write(text)).toBe(tags);
  });

  it('are not known of a transaction that was prepared before', async () => {
    await SqlParser.shared.load();
    const writes = (text: string) => tableWritesOf(text, SqlParser.shared.parse(text));
    expect(writes(`commit prepared 'x'`)).toMatchObject({ isOpaque: true });
    expect(writes(`rollback prepared 'x'`)).toMatchObject({ isOpaque: false });
  });

  it('include those of all statements, once each', async () => {
    const { write } = await writingWorld(setUp);
    expect(await write('insert into other values (1)', 'delete from d', 'insert into other values (2)')).toBe(
      'd other',
    );
  });

  it('include a table that was created after the catalogue was read', async () => {
    const { write, run: runElsewhere } = await writingWorld(setUp);
    expect(await write('insert into other values (1)')).toBe('other');
    await runElsewhere('create table later (id int)');
    expect(await write('insert into later values (1)')).toBe('later');
  });

  it('do not include a temporary table', async () => {
    const { db, writing, invalidated } = await writingWorld(setUp);
    await db.connection().execute(async (connection) => {
      await run(connection, 'create temporary table scratch (id int)');
      await writing(connection, (trx) => run(trx, 'insert into scratch values (1)'));
    });
    expect(invalidated()).toBe('');
  });
});

describe('triggers', () => {
  const trigger = (body: string, language = 'plpgsql'): string => `${setUp}
    create table log (id int); create table "Odd Name" (id int);
    create function helper() returns void language plpgsql as 'begin insert into log values (1); end';
    create function act() returns trigger language ${language} as $body$ ${body} $body$;
    create trigger acts after insert on other for each row execute function act();`;

  it.each([
    ['begin insert into log values (1); return null; end', 'log other'],
    ['begin INSERT INTO LOG VALUES (1); return null; end', 'log other'],
    ['begin insert into "Odd Name" values (1); return null; end', 'Odd Name other'],
    ['begin perform helper(); return null; end', 'log other'],
    // A name counts in every schema.
    ['begin delete from a; return null; end', 'a b c d other s.a'],
    [`begin execute 'delete from a'; return null; end`, '*'],
    ['begin new.id := 2; return new; end', 'other'],
  ])('%s: %s', async (body, tags) => {
    const { write } = await writingWorld(trigger(body));
    expect(await write('insert into other values (1)')).toBe(tags);
  });

  it('of a table that a foreign key changes count, too', async () => {
    const { write } = await writingWorld(`${trigger('begin insert into log values (1); return null; end')}
      create trigger acts_on_c after update on c for each row execute function act();`);
    expect(await write('delete from a')).toBe('a b c log');
  });

  it('that are disabled do not count', async () => {
    const { write } = await writingWorld(
      `${trigger('begin delete from a; return null; end')} alter table other disable trigger acts;`,
    );
    expect(await write('insert into other values (1)')).toBe('other');
  });
});

it.each([
  ['a default', 'alter table other add column n int default adds()'],
  ['a constraint', 'alter table other add constraint checked check (adds() > 0) not valid'],
  [
    'the condition of a trigger',
    'create trigger t after insert on other for each row when (adds() > 0) execute function nothing()',
  ],
])('the function of %s counts', async (_what, change) => {
  const { write } = await writingWorld(`${setUp}
    create table log (id int);
    create function nothing() returns trigger language plpgsql as 'begin return null; end';
    create or replace function adds() returns int language plpgsql volatile as 'begin insert into log values (1); return 1; end';
    ${change};`);
  expect(await write('insert into other values (1)')).toBe('log other');
});

it('a rule may change anything', async () => {
  const { write } = await writingWorld(`${setUp} create rule r as on insert to other do also delete from a;`);
  expect(await write('insert into other values (1)')).toBe('*');
});

describe('when', () => {
  it('after COMMIT, and before it resolves: another connection sees the row, and the next read is new', async () => {
    const { db, cache, writing, fetch, run: runElsewhere } = await writingWorld(setUp);
    const read = (): Promise<unknown> => fetch(() => db.selectFrom('other').selectAll().execute());
    expect(await read()).toEqual([]);
    const seen: unknown[] = [];
    cache.on((event) => {
      if (event.type === 'invalidate') seen.push('invalidated');
    });
    await writing(db, async (trx) => {
      await run(trx, 'insert into other values (7)');
      // A cached read beside it is still the old one, and remains cached.
      expect(await read()).toEqual([]);
      expect(seen).toEqual([]);
    });
    expect(seen).toEqual(['invalidated']);
    expect(await read()).toEqual([{ id: 7 }]);
    await runElsewhere('select 1');
  });

  it('returns what the work returns', async () => {
    const { db, writing } = await writingWorld(setUp);
    expect(await writing(db, async (trx) => (await trx.selectFrom('other').selectAll().execute()).length)).toBe(0);
  });

  it('not if the transaction is rolled back, but what was written beside it counts', async () => {
    const { db, writing, invalidated } = await writingWorld(setUp);
    const fails = (beside: string) =>
      writing(db, async (trx) => {
        await run(trx, 'delete from a');
        await run(db, beside);
        throw new Error('no');
      });
    await expect(fails('select 1')).rejects.toThrow('no');
    expect(invalidated()).toBe('');
    await expect(fails('insert into other values (1)')).rejects.toThrow('no');
    expect(invalidated()).toBe('other');
  });

  it('if another transaction, which the work has begun, is committed, although its own is rolled back', async () => {
    const { db, writing, invalidated } = await writingWorld(setUp);
    const failing = writing(db, async (trx) => {
      await run(trx, 'delete from d');
      await db.transaction().execute((other) => run(other, 'insert into other values (1)'));
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(invalidated()).toBe('other');
  });

  it('also if a statement of the work commits before the work fails', async () => {
    const { db, writing, invalidated } = await writingWorld(setUp);
    const failing = writing(db, async (trx) => {
      await run(trx, 'insert into other values (1)');
      await run(trx, 'commit');
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(invalidated()).toBe('other');
  });

  it('also if COMMIT fails, because it may have been carried out', async () => {
    const { db, writing, invalidated } = await writingWorld(
      `${setUp} alter table d add constraint later foreign key (id) references a deferrable initially deferred;`,
    );
    await expect(writing(db, (trx) => run(trx, 'insert into d values (99, null)'))).rejects.toThrow('foreign key');
    expect(invalidated()).toBe('d');
  });

  it('of a savepoint that was rolled back to as well', async () => {
    const { write } = await writingWorld(setUp);
    expect(await write('savepoint s1', 'insert into other values (1)', 'rollback to savepoint s1')).toBe('other');
  });

  it('once for an inner one, which is part of the outer transaction', async () => {
    const { db, writing, invalidated } = await writingWorld(setUp);
    await writing(db, async (trx) => {
      await writing(trx, (inner) => run(inner, 'insert into other values (1)'));
      expect(invalidated()).toBe('');
    });
    expect(invalidated()).toBe('other');
  });

  it('statements that run elsewhere on the transaction count, too', async () => {
    const { db, writing, invalidated } = await writingWorld(setUp);
    let resume = (_trx: Trx): void => {};
    const begun = new Promise<Trx>((resolve) => (resume = resolve));
    // It was started outside of `writing`, as the batch of a loader may be.
    const elsewhere = begun.then((trx) => run(trx, 'insert into other values (1)'));
    await writing(db, async (trx) => {
      resume(trx);
      await elsewhere;
    });
    expect(invalidated()).toBe('other');
  });

  it('is refused for a transaction that it has not begun', async () => {
    const { db, writing } = await writingWorld(setUp);
    const nested = db.transaction().execute((trx) => writing(trx, (inner) => run(inner, 'delete from other')));
    await expect(nested).rejects.toThrow('pass the Kysely instance itself');
  });

  it('has the isolation level that was asked for', async () => {
    const { db, writing } = await writingWorld(setUp);
    const level = await writing(
      db,
      (trx) => sql<{ level: string }>`select current_setting('transaction_isolation') as level`.execute(trx),
      { isolationLevel: 'serializable' },
    );
    expect(level.rows).toEqual([{ level: 'serializable' }]);
  });
});

it('a value that is loaded inside is not stored', async () => {
  const { db, writing, fetch, trace } = await writingWorld(setUp);
  const read = (on: Trx | TableWorld['db']) => () => on.selectFrom('other').selectAll().execute();
  await expect(
    writing(db, async (trx) => {
      await run(trx, 'insert into other values (7)');
      expect(await fetch(read(trx as never))).toEqual([{ id: 7 }]);
      throw new Error('no');
    }),
  ).rejects.toThrow('no');
  expect(trace.text).toContain('write-refused');
  expect(await fetch(read(db))).toEqual([]);
});
