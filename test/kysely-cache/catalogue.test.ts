import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tableWorld, type TableWorld } from './world.ts';

const setUp = `
  create table products (id int primary key, name text);
  create table orders (id int primary key, product_id int);
  create schema other;
  create table other.stock (id int);
  create function secret_count() returns bigint language sql volatile as 'select count(*) from orders';
  create function equals_order(int, int) returns boolean language sql stable as 'select exists (select from orders where id = $1)';
  create operator === (leftarg = int, rightarg = int, function = equals_order);
  create view cheap as select id from products;
  create view cheaper as select c.id from cheap c join orders o on o.id = c.id;
  create view other.stocked as select s.id from other.stock s where exists (select from cheaper);
  create view counted as select id, secret_count() from products;
  create view on_counted as select id from counted;
  create view by_operator as select id from products where id === 1;
  create view by_query as select query_to_xml('select * from orders', true, true, '') from products;
  create view of_system as select relname from pg_class;
  create view of_system_view as select tablename from pg_tables;
  create view with_immutable as select upper(name), coalesce(id, 1), count(*) over () from products;
  create materialized view sums as select count(*) from orders;
  create view on_sums as select * from sums;
  create table events (id int, at int) partition by range (at);
  create table events_1 partition of events for values from (0) to (10) partition by range (at);
  create table events_1_1 partition of events_1 for values from (0) to (5);
  create table base (id int);
  create table derived () inherits (base, products);
  create table viewers (id int);
  alter table viewers enable row level security;
  create sequence numbers;
  create view of_sequence as select last_value from numbers;
  create table "a:b" (id int);
  create table "*" (id int);
  create table "Orders" (id int);
  create table "!odd" (id int);
  create view mine as select id from products where name = current_user;
  create view on_mine as select id from mine;
  create view today as select id from products where current_date > now() - interval '1 day';
`;

let world: TableWorld;
const closing: (() => Promise<void>)[] = [];
beforeAll(async () => {
  world = await tableWorld(setUp, { end: (close) => closing.push(close) });
});
afterAll(() => Promise.all(closing.map((close) => close())));

describe('a relation has the tags of', () => {
  it.each([
    ['itself, if it is a table', 'products', 'products'],
    ['itself by its exact name', 'Orders', 'Orders'],
    ['itself, if its name begins with an exclamation mark', '!odd', '!odd'],
    ['the tables that it reads, if it is a view that also reads the time', 'today', 'products'],
    ['itself with its schema, if the search path does not find it', 'other.stock', 'other.stock'],
    ['the tables that it reads, if it is a view', 'cheap', 'products'],
    ['the tables that its views read', 'cheaper', 'orders products'],
    ['the tables that its views read, also in other schemas', 'other.stocked', 'orders other.stock products'],
    ['the tables that it reads, if its functions do not read tables', 'with_immutable', 'products'],
    ['itself, if it is a materialized view', 'sums', 'sums'],
    ['the materialized view that it reads', 'on_sums', 'sums'],
    ['itself, if it is partitioned', 'events', 'events'],
    ['itself and its parents, if it is a partition', 'events_1_1', 'events events_1 events_1_1'],
    ['itself and its parents, if it inherits', 'derived', 'base derived products'],
  ])('%s', async (_case, name, tags) => {
    expect(await world.tagsOf(() => world.db.selectFrom(name).selectAll().execute())).toBe(tags);
  });

  it.each([
    ['a view that calls a function which may read tables', 'counted'],
    ['a view on a view that calls such a function', 'on_counted'],
    ['a view with an operator that may read tables', 'by_operator'],
    ['a view that calls a built-in function which runs queries', 'by_query'],
    ['a view that depends on the user of the connection', 'mine'],
    ['a view on a view that depends on the user', 'on_mine'],
    ['a relation of the system', 'pg_class'],
    ['a relation of the system with its schema', 'information_schema.tables'],
    ['a view on a relation of the system', 'of_system'],
    ['a view on a view of the system', 'of_system_view'],
    ['a sequence', 'numbers'],
    ['a view on a sequence', 'of_sequence'],
    ['a table with row security', 'viewers'],
    ['a table whose name would be the tag of a row', 'a:b'],
    ['a table whose name is the tag of everything', '*'],
  ])('nothing, and prevents storing, if it is %s', async (_case, name) => {
    const query = name.includes('.') ? world.db.selectFrom(name) : world.db.selectFrom(sql.table(name).as('t'));
    expect(await world.tagsOf(() => query.selectAll().execute())).toMatch(/^unknown-source: /);
  });
});

it('lists the tags of all tables, and no others', () => {
  const names = '!odd Orders base derived events events_1 events_1_1 orders other.stock products sums';
  expect(world.tables.tags()).toEqual(names.split(' '));
});

describe('the catalogue', () => {
  const table = 'create table products (id int)';

  it('prevents storing until it is read, which a load triggers', async () => {
    const { db, tagsOf, tables, clock } = await tableWorld(table, { isRead: false });
    const load = (): Promise<unknown> => db.selectFrom('products').selectAll().execute();
    // On a slow machine, the reading that the load triggers may end before its statement is sent.
    expect(await tagsOf(load)).toMatch(/^(unknown-source: relation|not-captured:) products/);
    clock.advance(1_000);
    await expect.poll(() => tables.tags()).toEqual(['products']);
    expect(await tagsOf(load)).toBe('products');
  });

  it('prevents storing the values of a new table until it is read again', async () => {
    const { db, tagsOf, run, tables, clock } = await tableWorld(table);
    await run('create table later (id int); insert into later values (1)');
    const load = (): Promise<unknown> => db.selectFrom('later').selectAll().execute();
    expect(await tagsOf(load)).toMatch(/^unknown-source: relation later, which was not there/);
    clock.advance(1_000);
    expect(await tagsOf(load)).toMatch(/^unknown-source: relation later/);
    await expect.poll(() => tables.tags()).toContain('later');
    expect(await tagsOf(load)).toBe('later');
  });

  it('prevents storing the values of a new function until it is read again', async () => {
    const { db, tagsOf, run, tables, clock } = await tableWorld(table);
    await run(
      `create function later(int) returns int language sql immutable as 'select 1'; create table mark (id int)`,
    );
    const load = (): Promise<unknown> => sql`select later(1)`.execute(db);
    expect(await tagsOf(load)).toMatch(/^unknown-source: function later\(\)/);
    clock.advance(1_000);
    await tagsOf(load);
    await expect.poll(() => tables.tags()).toContain('mark');
    expect(await tagsOf(load)).toBe('');
  });

  it('is read again at most once a second', async () => {
    const { db, tagsOf, clock, connections, isIdle } = await tableWorld(table);
    const before = connections();
    for (let tries = 0; tries < 20; tries += 1) {
      const load = (): Promise<unknown> => db.selectFrom(`none${tries}`).selectAll().execute().catch(() => []); // prettier-ignore
      await tagsOf(load);
      await expect.poll(isIdle).toBe(true);
      clock.advance(100);
    }
    expect(connections() - before).toBe(20 + 1);
  });

  it('is read again every ten seconds for a name that it lacks, such as that of a temporary table', async () => {
    const { db, tagsOf, clock, connections, isIdle } = await tableWorld(table);
    const load = (): Promise<unknown> => db.selectFrom('none').selectAll().execute().catch(() => []); // prettier-ignore
    clock.advance(1_000);
    const before = connections();
    for (let tries = 0; tries < 19; tries += 1) {
      await tagsOf(load);
      await expect.poll(isIdle).toBe(true);
      clock.advance(1_000);
    }
    expect(connections() - before).toBe(19 + 2);
  });

  it('is read again after a minute, because a view may have been replaced', async () => {
    const { db, fetch, tagsOf, run, clock, connections } = await tableWorld(`${table}; create table orders (id int);
      create view shown as select id from products`);
    const load = (): Promise<unknown> => db.selectFrom('shown').selectAll().execute();
    await fetch(load);
    await run('create or replace view shown as select id from orders');
    expect(await tagsOf(load)).toBe('products');
    clock.advance(60_000);
    const before = connections();
    await fetch(load);
    await expect.poll(() => connections() - before).toBe(2);
    await expect.poll(() => tagsOf(load)).toBe('orders');
  });

  it('gives other tables for the same text after its names have changed their meaning', async () => {
    const { db, tagsOf, run, tables } = await tableWorld(`${table}; create table orders (id int)`);
    const load = (): Promise<unknown> => db.selectFrom('products').select('id').execute();
    expect(await tagsOf(load)).toBe('products');
    // The search path begins with the schema that is named after the user.
    await run('create schema authorization current_user; create view products as select id from public.orders');
    await tables.read();
    expect(await tagsOf(load)).toBe('orders');
    await run('drop view products');
    await tables.read();
    expect(await tagsOf(load)).toBe('products');
  });

  it('keeps its content while the database is unavailable', async () => {
    const { db, tables, run } = await tableWorld(table);
    await db.selectFrom('products').selectAll().execute();
    await run('alter table products rename to gone');
    await db.destroy();
    await tables.read();
    expect(tables.tags()).toEqual(['products']);
  });

  it('does not prevent storing the value of the load that triggers its reading', async () => {
    const { cache, db, clock, tables, trace } = await tableWorld(table);
    clock.advance(60_000);
    const key = cache.key({ field: 'Query.inner' });
    await cache.fetch(key, { ttlMs: 60_000, tags: [] }, async () => {
      tables.tags();
      await tables.read();
      return await db.selectFrom('products').selectAll().execute();
    });
    expect(trace.count('write')).toBe(1);
  });
});
