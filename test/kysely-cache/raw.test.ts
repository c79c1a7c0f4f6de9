import { sql, type RawBuilder } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tableWorld, type TableWorld } from './world.ts';

type Query = (db: TableWorld['db']) => { execute(): Promise<unknown> };

const setUp = `
  create table products (id int primary key, name text, at timestamptz, tags text[]);
  create table orders (id int primary key, name text);
  create function count_orders(int default 0) returns bigint language sql stable as 'select count(*) from orders';
  create function twice(int) returns int language sql immutable as 'select 2 * $1';
  create function products_of(int) returns setof products language sql stable as 'select * from products';
`;

let world: TableWorld;
const closing: (() => Promise<void>)[] = [];
beforeAll(async () => {
  world = await tableWorld(setUp, { end: (close) => closing.push(close) });
});
afterAll(() => Promise.all(closing.map((close) => close())));

type Row = Record<string, number>;

const one = 1;
const ids = [1, 2];
const select = (raw: RawBuilder<unknown>): Query => {
  return (db) => db.selectFrom('products').select(raw.as('x'));
};
const where = (raw: RawBuilder<unknown>): Query => {
  return (db) =>
    db
      .selectFrom('products')
      .select('id')
      .where(raw as RawBuilder<boolean>);
};

describe('raw SQL that reads no other table', () => {
  const cases: [string, Query][] = [
    ['a function with ordinality, and an alias with columns', (db) => db.selectFrom(['products', sql<Row>`unnest(${ids}::integer[], ${ids}::integer[]) with ordinality`.as<'wanted'>(sql`wanted(parent_id, row_limit, position)`)]).select('products.id')],
    ['an alias with the types of its columns', (db) => db.selectFrom(['products', sql<Row>`json_to_recordset('[{"a":1}]')`.as<'r'>(sql`r(a numeric(10, 2), b text[])`)]).select('products.id')],
    ['VALUES as a table', (db) => db.selectFrom(['products', sql<Row>`(values (1), (2))`.as<'v'>(sql`v(id)`)]).select('products.id')],
    ['a table by sql.table', (db) => db.selectFrom(sql`${sql.table('products')}`.as('p')).selectAll()],
    ['arithmetic and casts', select(sql`(${sql.ref('id')} + 1)::numeric(10, 2)::text || ${'x'}`)],
    ['built-in functions', select(sql`coalesce(round(avg(${sql.ref('id')}), 2), greatest(1, ${one}))`)],
    ['an immutable user-defined function', select(sql`twice(max(${sql.ref('id')}))`)],
    ['an aggregate with FILTER and OVER', select(sql`count(*) filter (where true) over (partition by (${sql.ref('id')}) order by (${sql.ref('id')}))`)],
    ['WITHIN GROUP', select(sql`percentile_cont(0.5) within group (order by id)`)],
    ['GROUPING SETS', (db) => db.selectFrom('products').select('id').groupBy(sql`grouping sets ((id), ())`)],
    ['EXTRACT … FROM', select(sql`extract(year from ${sql.ref('at')})`)],
    ['TRIM, SUBSTRING and OVERLAY with FROM', select(sql`trim(both 'x' from substring(name from 1 for 2)) || overlay(name placing 'a' from 1)`)],
    ['IS DISTINCT FROM', where(sql`name is distinct from ${'x'} and name is not distinct from 'y'`)],
    ['FOR UPDATE', (db) => db.selectFrom('products').select('id').modifyEnd(sql`for update`)],
    ['FOR NO KEY UPDATE', (db) => db.selectFrom('products').select('id').modifyEnd(sql`for no key update skip locked`)],
    ['the keywords in a string literal', where(sql`name = 'from orders; join (table' or name = 'it''s from'`)],
    ['quoted identifiers', where(sql`"products"."name" = 'x'`)],
    ['IN, ANY, BETWEEN, CASE', where(sql`id in (1, 2) and id = any(${ids}) and id between (1) and (2) and case when (true) then (true) end`)],
    ['JSON operators and arrays', where(sql`('{"a":1}'::jsonb -> 'a') = '1' and tags && array['x']`)],
    ['a condition of a join', (db) => db.selectFrom('products').innerJoin('products as p', (join) => join.on(sql<boolean>`p.id = any(array[1, 2]) and coalesce(p.id, 1) in (1, 2)`)).select('p.id')],
    ['an ORDER BY expression', (db) => db.selectFrom('products').select('id').orderBy(sql`id desc nulls last`)],
    ['a list by sql.join', where(sql`id in (${sql.join(ids)})`)],
    ['a sub-select of the query builder', (db) => db.selectFrom('products').select('id').where(sql<boolean>`exists ${db.selectFrom('products').select('id')}`)],
  ]; // prettier-ignore

  it.each(cases)('%s', async (_title, query) => {
    expect(await world.tagsOf(() => query(world.db).execute())).toBe('products');
  });

  it('a statement without tables', async () => {
    expect(await world.tagsOf(() => sql`select ${one}::int, now()`.execute(world.db))).toBe('');
  });
});

describe('raw SQL that names a table has its tag', () => {
  const cases: [string, Query, string][] = [
    ['FROM', where(sql`exists (select 1 from orders)`), 'orders products'],
    ['FROM in capitals, on a line of its own', where(sql`exists (select 1\nFROM\norders)`), 'orders products'],
    ['FROM after DISTINCT', where(sql`id in (select distinct id from orders)`), 'orders products'],
    ['FROM in the parentheses of EXTRACT’s argument', select(sql`extract(year from (select at from products limit 1))`), 'products'],
    ['FROM assembled from parts', where(sql`exists (select 1 ${sql.raw('fr')}${sql.raw('om')} orders)`), 'orders products'],
    ['FROM after a string literal with quotes', where(sql`name = 'it''s' or exists (select 'x' from orders)`), 'orders products'],
    ['FROM after an escape string', where(sql`name = E'\\'' or exists (select 1 from orders) or name = ''`), 'orders products'],
    ['TABLE', where(sql`exists (table orders)`), 'orders products'],
    ['JOIN', (db) => db.selectFrom('products').select('products.id').innerJoin('products as p', (join) => join.on(sql<boolean>`p.id = products.id cross join orders`)), 'orders products'],
    ['a comma at the end of FROM', (db) => db.selectFrom('products').select('products.id').innerJoin('products as p', (join) => join.on(sql<boolean>`p.id = products.id, orders`)), 'orders products'],
    ['a comma at the end of FROM, in an expression', (db) => db.selectFrom('products').select('products.id').innerJoin('products as p', (join) => join.on('p.id', '=', sql<number>`products.id, orders`)), 'orders products'],
    ['a comma after FROM, at the end of the query', (db) => db.selectFrom('products').select('products.id').modifyEnd(sql`, orders`), 'orders products'],
    ['a raw name in FROM', (db) => db.selectFrom(sql`orders`.as('o')).selectAll(), 'orders'],
    ['a raw name in FROM, by identifiers', (db) => db.selectFrom(sql.id('public', 'orders').as('o') as never).selectAll(), 'orders'],
    ['a raw name in a join', (db) => db.selectFrom('products').innerJoin(sql`orders`.as('o'), (join) => join.onTrue()).select('products.id'), 'orders products'],
    ['a name after a function in FROM', (db) => db.selectFrom(sql`generate_series(1, 2), orders`.as('o')).selectAll(), 'orders'],
    ['ONLY', (db) => db.selectFrom(sql`only (orders)`.as('o')).selectAll(), 'orders'],
    ['a table after an alias', (db) => db.selectFrom(sql`unnest(${ids}::int[])`.as<'a'>(sql`a(id), orders`)).selectAll(), 'orders'],
    ['unbalanced parentheses', (db) => db.selectFrom((eb) => eb.selectFrom('products').select('id').where(sql<boolean>`true) as a, orders as b, (select 1`).as('x')).selectAll(), 'orders products'],
    ['a whole query as the name of a function', (db) => db.selectFrom('products').select((eb) => eb.fn('(select count(*) from orders) + abs', [eb.lit(1)]).as('x')), 'orders products'],
  ]; // prettier-ignore

  it.each(cases)('%s', async (_title, query, tables) => {
    expect(await world.tagsOf(() => query(world.db).execute())).toBe(tables);
  });

  it('a statement that is entirely raw', async () => {
    expect(await world.tagsOf(() => sql`select * from orders`.execute(world.db))).toBe('orders');
  });
});

describe('a value is not stored if raw SQL may read something without a tag', () => {
  const cases: [string, Query][] = [
    ['FROM after an interpolation in quotes', where(sql`name = '${sql.lit('a')}' or exists (select ' ' from orders) or name = ''`)],
    ['a comment between a function’s name and its arguments', where(sql`count_orders/* */(1) = 0`)],
    ['a function that may read tables', select(sql`count_orders()`)],
    ['a setting of the connection', select(sql`current_setting('app.tenant', true)`)],
    ['a function whose name is quoted', select(sql`"count_orders" ()`)],
    ['a function with a schema', select(sql`public.count_orders()`)],
    ['a function whose name is interpolated', select(sql`${sql.id('count_orders')}()`)],
    ['a function in FROM', (db) => db.selectFrom(sql`products_of(1)`.as('p')).selectAll()],
    ['a function by eb.fn', (db) => db.selectFrom('products').select((eb) => eb.fn('count_orders', [eb.lit(1)]).as('x'))],
    ['a function by eb.fn with a schema', (db) => db.selectFrom('products').select((eb) => eb.fn('public.count_orders').as('x'))],
    ['a built-in function that runs queries', select(sql`query_to_xml('select * from orders', true, true, '')`)],
    ['a function that reads a sequence', select(sql`pg_sequence_last_value('products'::regclass) is null`)],
  ]; // prettier-ignore

  it.each(cases)('%s', async (_title, query) => {
    const seen = await world.tagsOf(() =>
      query(world.db)
        .execute()
        .catch(() => []),
    );
    expect(seen).toMatch(/^unknown-source: /);
  });

  it.each(['commit', 'set work_mem = 65536', 'explain select 1', 'do $$ begin end $$', 'show work_mem'])(
    '%s',
    async (text) => {
      const seen = await world.tagsOf(() =>
        sql
          .raw(text)
          .execute(world.db)
          .catch(() => []),
      );
      expect(seen).toMatch(/^unknown-source: raw SQL: /);
    },
  );

  it('unless the policy names tags, which are added to the tables that are found', async () => {
    const { db, tagsOf } = world;
    const query = db.selectFrom('products').select(sql`count_orders()`.as('x'));
    expect(await tagsOf(() => query.execute(), ['orders'])).toBe('orders products');
  });
});
