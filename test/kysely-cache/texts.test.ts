// The tags of SQL texts, compared with the tables that PostgreSQL itself opens for them.
import { CompiledQuery } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tableWorld, type TableWorld } from './world.ts';

const setUp = `
  create table products (id int primary key, category_id int, name text, at timestamptz, body jsonb, doc xml);
  create table orders (id int primary key, product_id int);
  create table reviews (id int primary key, rating int);
  create schema other;
  create table other.products (id int);
  create table other.hidden (id int);
  create table "Products" (id int);
  create table "ÄPFEL" (id int);
  create table "Äpfel" (id int);
  create table "d!""data" (id int);
  create table "from orders" (id int);
  create table "${'x'.repeat(63)}" (id int);
  create table "select" (id int);
  create view orders_view as select id from orders;
  create function counted(int) returns bigint language sql stable as 'select count(*) from orders';
  create function counted_of(products) returns bigint language sql stable as 'select count(*) from orders';
  create function named_of(products) returns text language sql immutable as 'select $1.name';
  create function equals(int, int) returns boolean language sql stable as 'select exists (select from orders)';
  create operator === (leftarg = int, rightarg = int, function = equals);
  create operator <% (leftarg = int, rightarg = int, function = int4lt);
  create type kind as (code int);
  create function kind_of(int) returns kind language sql stable as 'select row(count(*)::int)::kind from orders';
  create cast (int as kind) with function kind_of(int);
  create sequence numbers;
`;

let world: TableWorld;
const closing: (() => Promise<void>)[] = [];
beforeAll(async () => {
  world = await tableWorld(setUp, { end: (close) => closing.push(close) });
});
afterAll(() => Promise.all(closing.map((close) => close())));

describe('a value depends on the tables that PostgreSQL opens for its SQL text', () => {
  const cases: [text: string, tables: string][] = [
    ['select * from products', 'products'],
    ['SELECT * FROM PRODUCTS', 'products'],
    ['table products', 'products'],
    ['select * from "Products"', 'Products'],
    ['select * from public . products', 'products'],
    ['select * from pg_catalog.generate_series(1, 2)', ''],
    ['select * from other.products', 'other.products'],
    ['select * from only products', 'products'],
    ['select * from only (products)', 'products'],
    ['select * from products *', 'products'],
    ['select * from products tablesample system (50)', 'products'],
    ['select/**/1/* from orders */from/* -- */products--orders', 'products'],
    ['select 1 from products where name = \'from orders\'', 'products'],
    ['select 1 from products where name = E\'\\\' from orders --\'', 'products'],
    ['select 1 from products where name = $a$ \' from orders $b$ $a$', 'products'],
    ['select 1 from products where name = \'a\'\n\'b\' and name like \'a\\%\' escape \'\\\'', 'products'],
    ['select 1 from products where name = U&\'!0041\' uescape \'!\'', 'products'],
    ['select * from U&"d!0021""d!0061ta" uescape \'!\' where false', 'd!"data'],
    ['select * from U&"\\0070roducts"', 'products'],
    ['select * from U&"!0066rom orders" uescape \'!\'', 'from orders'],
    ['select * from ÄPFEL', 'Äpfel'],
    ['select * from "ÄPFEL"', 'ÄPFEL'],
    [`select * from ${'x'.repeat(80)}`, 'x'.repeat(63)],
    ['select * from "select"', 'select'],
    ['select * from orders_view', 'orders'],
    ['select p.id from products p, lateral (select * from orders o where o.product_id = p.id) x', 'orders products'],
    ['select 1 from (products cross join orders) join reviews on true', 'orders products reviews'],
    ['select * from products p natural left join (select id from orders union all select id from reviews) o', 'orders products reviews'],
    ['select exists (select 1 from orders), array(select id from reviews), (select 1) in (select id from products)', 'orders products reviews'],
    ['select case when exists (table orders) then (select max(id) from reviews) end', 'orders reviews'],
    ['select id from products order by (select count(*) from orders) limit (select max(rating) from reviews)', 'orders products reviews'],
    ['select count(*) filter (where exists (select 1 from orders)) over (partition by (select 1 from reviews limit 1)) from products', 'orders products reviews'],
    ['select id from products group by grouping sets ((id), ()) having exists (select 1 from orders)', 'orders products'],
    ['select * from products p where (p.id, p.category_id) = any (select id, product_id from orders)', 'orders products'],
    ['select * from generate_series(1, (select max(id) from orders)) with ordinality as g(a, b)', 'orders'],
    ['select * from rows from (generate_series(1, 2), unnest(array(select id from orders))) as r', 'orders'],
    ['select * from products p, jsonb_to_recordset(p.body) as r(a int, b text)', 'products'],
    ['select * from products, xmltable(\'/a\' passing doc columns b int path \'b\' default (select 1 from orders))', 'orders products'],
    ['select * from json_table((select jsonb_agg(id) from orders), \'$[*]\' columns (id int path \'$\'))', 'orders'],
    ['select json_value((select body from products limit 1), \'$.a\' default 1 on empty) from orders', 'orders products'],
    ['select json_arrayagg(id order by id) from products union all select json_array(select id from orders)', 'orders products'],
    ['values ((select max(id) from products)), (1)', 'products'],
    ['select id from products union (select id from orders except select id from reviews order by 1 limit 1)', 'orders products reviews'],
    ['select * from products for update of products', 'products'],
    ['select * from products orders for share of orders', 'products'],
    ['select 1; select * from products; select * from orders', 'orders products'],

    ['with products as (select id from orders) select * from products', 'orders'],
    ['with products as (select id from products) select * from products', 'products'],
    ['with products as (select id from orders) select * from public.products', 'orders products'],
    ['with a as (select 1 from products), products as (select 1 from orders) select * from a, products', 'orders products'],
    ['with recursive a as (select id from products), products as (select id from orders) select * from a', 'orders'],
    ['with recursive t(n) as (select 1 union all select n + 1 from t where n < 3) select * from t', ''],
    ['with recursive t(n) as (select 1 union all select n + 1 from t where n < 3) search depth first by n set s cycle n set c using p select * from t, orders', 'orders'],
    ['with a as materialized (select id from orders) select (select count(*) from a) from products', 'orders products'],
    ['select * from (with products as (select id from orders) select * from products) x, products p', 'orders products'],
    ['select * from products where id in (with orders as (select 1 as id) select id from orders)', 'products'],
    ['(with products as (select 1 as id) select id from products) union select id from orders', 'orders'],
    ['(with a as (select 1 as id) select id from a) union select id from products', 'products'],
    ['with "Products" as (select 1 as id) select * from products', 'products'],
    ['with a as (with orders as (select 1 as id) select id from orders) select a.id from a, orders', 'orders'],
    ['with gone as (delete from orders where false returning id) select * from gone', 'orders'],

    ['insert into orders as products (id) select id from reviews returning (select count(*) from products)', 'orders products reviews'],
    ['insert into orders (id) select id from reviews where false on conflict (id) do update set product_id = (select max(id) from products)', 'orders products reviews'],
    ['with orders as (select id from reviews) insert into orders select id from orders', 'orders reviews'],
    ['update orders o set (product_id) = (select max(id) from products) from reviews r where r.id = o.id returning o.*', 'orders products reviews'],
    ['delete from only orders using reviews r where exists (table products)', 'orders products reviews'],
    ['merge into orders o using (select id from reviews) r on r.id = o.id when matched and exists (table products) then update set product_id = 1 when not matched by source then delete returning o.id', 'orders products reviews'],
    ['update orders set id = id returning old.id, new.id', 'orders'],

    ['select named_of(p), p.id <% 2, p.id between 1 and 2 from products p', 'products'],
    ['select (p).name, p.name, (p.*)::products from products p', 'products'],
    ['select pg_typeof(id), pg_column_size(id), now(), localtime, random() < 2, gen_random_uuid() is null from products', 'products'],
    ['select date_trunc(\'day\', at), to_char(at, \'YYYY\'), at at time zone \'utc\', extract(year from at) from products', 'products'],
    ['select row_to_json(p), json_build_object(\'a\', p.id), jsonb_agg(p) over (), format(\'%s\', p.id) from products p', 'products'],
    ['select xmlelement(name a, xmlattributes(id as b), name), xmlforest(id), xmlconcat(doc), xmlserialize(content doc as text) from products', 'products'],
    ['select name collate "C", (array[id])[1:1], row(id, 1) < row(1, 2), nullif(id, 1), greatest(id, 1), grouping(id) from products group by id, name', 'products'],
    ['select * from products where at > current_timestamp and name similar to \'a\' and name is normalized and doc is document', 'products'],
  ]; // prettier-ignore

  it.each(cases)('%s', async (text, tables) => {
    const { db, tagsOf, locked } = world;
    const statement = CompiledQuery.raw(text);
    expect(await locked({ compile: () => statement })).toBe(tables);
    expect(await tagsOf(() => db.executeQuery(statement))).toBe(tables);
  });
});

describe('a value is not stored if its SQL text may read something without a tag', () => {
  it.each([
    'select counted(1)',
    'select p.counted_of from products p',
    'select (p).counted_of from products p',
    'select (p.*).counted_of from products p',
    'select id from products where id === 1',
    'select id from products where id operator(public.===) 1',
    'select id from products where id === any (array[1])',
    'select id from products where id === all (select 1)',
    'select (id::kind).code from products',
    'select (cast(id as public.kind)).code from products',
    'select (kind(id)).code from products',
    'select current_user',
    'select current_user = name from products',
    'select CURRENT_ROLE, user, session_user',
    'select current_catalog',
    'select current_schema',
    'select current_schema()',
    'select system_user',
    'select current_database()',
    'select "current_user"()',
    'select pg_catalog.current_user()',
    `select pg_stat_get_live_tuples('orders'::regclass)`,
    `select pg_stat_get_tuples_inserted('orders'::regclass::oid)`,
    `select pg_stat_get_xact_tuples_inserted(1)`,
    `select pg_relation_size('orders')`,
    `select pg_table_size('orders'), 1`,
    `select pg_total_relation_size('orders')`,
    `select pg_database_size('postgres')`,
    `select 'orders'::regclass::oid`,
    `select regclass 'orders'`,
    `select regclass('orders')`,
    `select to_regclass('orders')`,
    `select cast(16384 as regclass)`,
    `select obj_description('orders'::text::regclass)`,
    `select has_table_privilege('orders', 'select')`,
    `select pg_current_xact_id_if_assigned()`,
    `select txid_current()`,
    `select nextval('numbers'), 1`,
    `select currval('numbers')`,
    'select lastval()',
    'select last_value from numbers',
    `select pg_sequence_parameters('numbers'::regclass::oid)`,
    'select * from pg_stat_user_tables',
    'select * from pg_stat_activity',
    'select reltuples from pg_class',
    'select * from information_schema.tables',
    'select * from pg_catalog.pg_tables',
    `select query_to_xml('select * from orders', true, true, '')`,
    `select table_to_xml('orders', true, true, '')`,
    `select * from ts_stat('select to_tsvector(name) from products')`,
    `select current_setting('role')`,
    `select set_config('search_path', 'other', true)`,
    'select lo_get(1)',
    `select pg_read_file('x')`,
    'select * into copied from orders',
    'create table copied as select * from orders',
    'create temporary table products as select 1 as id',
    'refresh materialized view nothing',
    'prepare p as select * from orders',
    'execute p',
    'declare c cursor for select * from orders',
    'fetch c',
    'explain analyze select * from orders',
    'copy orders to stdout',
    'do $$ begin perform 1; end $$',
    'call nothing()',
    'set search_path to other',
    'set local role postgres',
    'reset all',
    'show search_path',
    'discard all',
    'lock table orders',
    'truncate orders',
    'vacuum orders',
    'listen orders',
    'create view v as select * from orders',
    'grant select on orders to public',
    'select * from products where current of c',
    'update products set id = 1 where current of c',
    'select 1; set search_path to other',
    'select * from pg_temp.products',
    'select * from äpfel',
    'select * from nowhere',
    'select nothing_of_that_name(1)',
    'select 1 @#@ 2',
    'select * from products; selekt',
    'select 1 from',
  ])('%s', async (text) => {
    const { db, tagsOf } = world;
    const load = (): Promise<unknown> =>
      db.connection().execute(async (connection) => {
        await connection.executeQuery(CompiledQuery.raw(text)).catch(() => []);
      });
    expect(await tagsOf(load)).toMatch(/^unknown-source: /);
    await db.connection().execute((connection) => connection.executeQuery(CompiledQuery.raw('reset all')));
  });
});

describe('raw SQL and a query of the builder with equal text', () => {
  const text = 'select "id" from "products"';

  it.each([['raw SQL'], ['the builder']])('have the same tags if %s runs first', async (first) => {
    const { db, tagsOf } = await tableWorld(setUp);
    const raw = (): Promise<unknown> => db.executeQuery(CompiledQuery.raw(text));
    const query = db.selectFrom('products').select('id');
    expect(query.compile().sql).toBe(text);
    const loads = first === 'raw SQL' ? [raw, () => query.execute()] : [() => query.execute(), raw];
    for (const load of loads) expect(await tagsOf(load)).toBe('products');
  });
});

it('a value is not stored if its SQL has a backslash that the server may read as an escape', async () => {
  const { db, tagsOf, run, tables } = await tableWorld('create table products (name text)');
  const load = (): Promise<unknown> => db.executeQuery(CompiledQuery.raw(`select 'a\\b' from products`));
  expect(await tagsOf(load)).toBe('products');
  await run(
    `do $$ begin execute format('alter database %I set standard_conforming_strings = off', current_database()); end $$`,
  );
  // Existing connections keep their setting.
  await run(
    'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
  );
  const seen = async (): Promise<string> => {
    await run('select pg_terminate_backend(pg_backend_pid())').catch(() => {});
    await tables.read();
    return await tagsOf(load).catch(() => '');
  };
  await expect.poll(seen, { timeout: 10_000 }).toMatch(/^unknown-source: a backslash/);
});

it('a table whose name begins with an exclamation mark is invalidated by its name', async () => {
  const { db, cache, fetch, run } = await tableWorld('create table "!odd" (id int)');
  const load = (): Promise<unknown> => db.selectFrom('!odd').selectAll().execute();
  expect(await fetch(load)).toEqual([]);
  await run('insert into "!odd" values (1)');
  expect(await fetch(load)).toEqual([]);
  await cache.invalidate(['!odd']);
  expect(await fetch(load)).toEqual([{ id: 1 }]);
});
